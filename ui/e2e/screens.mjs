// Photographs every screen into docs/screens: those of a real hub with a request
// that is answered, and those of the gallery.
//
//   CONSOLE_TEST=PATH node screens.mjs PATH-OF-gatehouse PATH-OF-FOLDER
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { desktop, launch, open, phone } from "./browser.mjs";
import { demo } from "./demo.mjs";

const run = promisify(execFile);
const [hub, out] = process.argv.slice(2);
const most = 3_000_000; // bytes, of all screens together
const raw = await mkdtemp(join(tmpdir(), "gatehouse-screens-"));
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const browser = await launch();

/** Photographs a page as it stands and resolves to the file. */
async function photograph(page, name, whole = true) {
  const png = join(raw, `${name}.png`);
  const usual = page.viewportSize();
  // A window as high as the page has its bars where a person sees them.
  if (whole) await page.setViewportSize({ width: usual.width, height: await page.evaluate(() => document.documentElement.scrollHeight) });
  await page.screenshot({ path: png, scale: "css" });
  await page.setViewportSize(usual);
  return png;
}

/** Writes one picture of files side by side, small: their tops, and not the ends of long pages. */
async function write(name, files, { scale = 1, top = 2400, quality = 25 } = {}) {
  const parts = files.map((_, i) => `[${i}]crop=iw:min(ih\\,${top}):0:0,scale=iw*${scale}:-2:flags=lanczos,pad=iw+${files.length > 1 ? 12 : 0}:${files.length > 1 ? top * scale : "ih"}:0:0:gray[p${i}]`);
  const all = files.map((_, i) => `[p${i}]`).join("");
  const high = files.length > 1 ? await height(files, top) * scale : 0;
  const stack = files.length > 1 ? `${all}hstack=${files.length},crop=iw-12:${high}:0:0` : `${all}null`;
  await run("ffmpeg", [
    "-loglevel", "error", "-y", ...files.flatMap((f) => ["-i", f]), "-filter_complex", [...parts, stack].join(";"),
    "-frames:v", "1", "-c:v", "libwebp", "-q:v", String(quality), "-compression_level", "6", join(out, `${name}.webp`),
  ]);
}

/** Resolves to the height of the highest, up to most. */
async function height(files, most) {
  const heights = await Promise.all(files.map(async (f) => (await readFile(f)).readUInt32BE(20))); // IHDR
  return Math.min(most, Math.max(...heights));
}

const shoot = async (page, name, whole) => write(name, [await photograph(page, name, whole)]);

/** A real hub, from the waiting request to the receipt. */
async function real() {
  const data = join(raw, "hub");
  const { url, pass, stop } = await demo(hub, data);
  const { page } = await open(browser, url, { viewport: desktop, colorScheme: "light" });
  await page.goto("/login");
  await page.getByLabel("Passphrase").fill(pass);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForFunction(() => [...document.querySelectorAll("video")].some((v) => v.currentTime > 1), null, { timeout: 60_000 });
  await shoot(page, "hub-live");
  await page.goto("/timeline");
  await page.waitForFunction(() => document.querySelector("video")?.readyState > 1, null, { timeout: 60_000 }).catch(() => {});
  await shoot(page, "hub-timeline");
  await page.goto("/requests");
  await shoot(page, "hub-requests");
  await page.locator(".item h2 a").first().click();
  await page.getByRole("heading", { name: "What they ask" }).waitFor();
  await shoot(page, "hub-request", false);
  await page.locator("input[name=clip]").first().check();
  await page.getByRole("button", { name: "Seal for preview" }).click();
  await page.waitForURL("**#sealed");
  await page.waitForFunction(() => [...document.querySelectorAll("video")].every((v) => v.offsetParent === null || v.readyState > 1), null, { timeout: 60_000 });
  await shoot(page, "hub-request-sealed");
  await page.locator("#approve-passphrase").fill(pass);
  await page.getByRole("button", { name: /^Send \d+ clips?/ }).click();
  await page.waitForURL("**/result");
  const now = page.getByRole("button", { name: "Send now" });
  const done = page.locator("[data-state=done]");
  await Promise.race([now.waitFor({ timeout: 120_000 }), done.waitFor({ timeout: 120_000 })]);
  if (await now.count()) await now.click();
  await done.waitFor({ timeout: 120_000 });
  await shoot(page, "hub-result");
  await page.goto("/ledger");
  await shoot(page, "hub-ledger");
  await page.goto("/settings");
  await shoot(page, "hub-settings", false);
  await page.context().close();
  await stop();
}

/** Starts the fixture homes and resolves to their address. */
async function fixtures() {
  const child = spawn(process.env.CONSOLE_TEST, [], {
    env: { ...process.env, GATEHOUSE_CONSOLE_FIXTURE: "127.0.0.1:0" }, stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout })) return { base: line.trim(), stop: () => child.kill("SIGINT") };
  throw new Error("the fixture homes did not start");
}

/** Every screen of the gallery in four manners, side by side; some in another language, and from right to left. */
async function gallery() {
  const { base, stop } = await fixtures();
  const screens = await (await fetch(`${base}/_gallery.json`)).json();
  const some = (name) => /^(live|request, sealed|timeline|request, third of its case)$/.test(name);
  const pictures = new Map(screens.map(({ name }) => [name, []]));
  for (const [viewport, looks, language, want] of [
    [desktop, "light", "en", () => true],
    [phone, "light", "en", () => true],
    [phone, "dark", "en", () => true],
    [desktop, "dark", "en", () => true],
    [phone, "light", "es", some],
    [phone, "light", "ar-XB", some],
  ]) {
    const { page } = await open(browser, base, { viewport, colorScheme: looks });
    for (const { name, home, path } of screens.filter((s) => want(s.name))) {
      await page.goto(`/_gallery/open?${new URLSearchParams({ home, to: path, language, looks })}`);
      await page.waitForFunction(() => [...document.querySelectorAll("video")].every((v) => v.offsetParent === null || v.readyState > 1), null, { timeout: 10_000 }).catch(() => {});
      const all = pictures.get(name);
      all.push(await photograph(page, `${screens.findIndex((s) => s.name === name)}-${all.length}`));
    }
    await page.context().close();
  }
  stop();
  for (const [name, files] of pictures) await write(name.replaceAll(/[^a-z0-9]+/g, "-"), files, { scale: 0.5, top: 1500, quality: 14 });
}

try {
  await real();
  await gallery();
} finally {
  await browser.close();
  await rm(raw, { recursive: true, force: true });
}
let bytes = 0;
for (const f of await readdir(out)) bytes += (await stat(join(out, f))).size;
console.log(`${(bytes / 1e6).toFixed(2)} MB in ${out}`);
if (bytes > most) throw new Error(`more than ${most} bytes`);

// The owner's walk through a real hub in a real browser, from log-in to the
// receiver's signature.
//
//   go run ./hub demo          prints both:
//   CONSOLE_URL=http://127.0.0.1:8080 CONSOLE_PASSPHRASE=… CONSOLE_HUB=gatehouse CONSOLE_WORLD=gatehouse-demo/world node --test console.spec.mjs
//
// On a desktop the keyboard alone does it. CONSOLE_VIEW=phone and CONSOLE_SCHEME=dark
// choose another look. The hub must have a camera, and a request that waits or soon will;
// what its agency received is in CONSOLE_WORLD, and the program in CONSOLE_HUB opens it.
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { accessible, desktop, launch, open, phone, plays, reachable, tabTo } from "./browser.mjs";

const base = process.env.CONSOLE_URL;
const pass = process.env.CONSOLE_PASSPHRASE;
const onPhone = process.env.CONSOLE_VIEW === "phone";
const patience = 120_000;
assert.ok(base && pass, "CONSOLE_URL and CONSOLE_PASSPHRASE say which hub and whose");

// On a phone a finger does it, on a desktop the keyboard alone.
const press = async (page, what, key = "Enter") => {
  if (onPhone) return what.click();
  await tabTo(page, what);
  await page.keyboard.press(key);
};
const write = async (page, what, text) => {
  if (onPhone) return what.fill(text);
  await tabTo(page, what);
  await page.keyboard.type(text);
};

const sum = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** The digests of the packages that the agency has, and of the files in the one that `of` names. */
async function received(of) {
  const agency = join(process.env.CONSOLE_WORLD, "agency"), folder = join(agency, "received");
  const names = (await readdir(folder)).filter((n) => n.endsWith(".ghe"));
  const digests = await Promise.all(names.map(async (n) => sum(await readFile(join(folder, n)))));
  const name = names[digests.indexOf(of)];
  if (!name) return { digests, files: [] };
  const out = await mkdtemp(join(tmpdir(), "gatehouse-opened-"));
  try {
    await promisify(execFile)(process.env.CONSOLE_HUB, ["agency", "open", "--dir", agency, join(folder, name), join(out, "package")]);
    const all = (await readdir(out, { recursive: true, withFileTypes: true })).filter((f) => f.isFile());
    return { digests, files: await Promise.all(all.map(async (f) => sum(await readFile(join(f.parentPath, f.name))))) };
  } finally {
    await rm(out, { recursive: true });
  }
}

/** Reloads a page until a locator is there. */
async function appears(page, locator, what) {
  for (const end = Date.now() + patience; Date.now() < end; await page.waitForTimeout(1000)) {
    if (await locator.count()) return;
    await page.reload();
  }
  assert.fail(`${what} did not appear`);
}

test("from log-in to receipt", async (t) => {
  const browser = await launch();
  t.after(() => browser.close());
  const { page, faults } = await open(browser, base, {
    viewport: onPhone ? phone : desktop,
    colorScheme: process.env.CONSOLE_SCHEME === "dark" ? "dark" : "light",
  });
  const shot = async (name) => {
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/real-${name}.png`, fullPage: true });
    await accessible(page, name);
    await reachable(page, name);
  };

  await t.test("log in", async () => {
    await page.goto("/");
    await page.waitForURL("**/login");
    await write(page, page.getByLabel("Passphrase"), pass);
    await press(page, page.getByRole("button", { name: "Log in", exact: true }));
    await page.getByRole("heading", { name: "Live" }).waitFor();
  });

  await t.test("the live tile plays", async () => {
    await plays(page, "gh-player video");
    assert.equal(await page.locator("gh-player").first().getAttribute("mode"), "live");
    await shot("live");
  });

  await t.test("a recording plays", async () => {
    await press(page, page.getByRole("link", { name: "Timeline" }).first());
    await page.waitForURL("**/timeline**");
    await page.waitForFunction(() => document.querySelector("video")?.readyState > 0, null, { timeout: 30_000 });
    await page.keyboard.press("k");
    await plays(page, "gh-watch video");
    await shot("timeline");
  });

  await t.test("open the waiting request", async () => {
    await press(page, page.getByRole("link", { name: /^Requests/ }).first());
    await page.waitForURL("**/requests");
    const first = page.locator(".item h2 a");
    await appears(page, first, "a waiting request");
    await shot("requests");
    await press(page, first.first());
    await page.getByRole("heading", { name: "What they ask" }).waitFor();
    assert.equal(await page.locator("input[type=checkbox]:checked").count(), 0, "nothing may be preselected");
    await shot("request");
  });

  let digest, seen; // of the sealed file, and of its video as the page played it
  await t.test("choose, seal and watch", async () => {
    await press(page, page.locator("input[name=clip]").first(), "Space");
    await press(page, page.getByRole("button", { name: "Seal for preview" }));
    await page.waitForURL("**#sealed");
    const video = page.locator("#sealed video").first();
    await video.evaluate((v) => { v.muted = true; });
    if (onPhone) await video.evaluate((v) => v.play());
    else await press(page, video, "Space");
    await plays(page, "#sealed video");
    digest = await page.inputValue("input[name=digest]");
    assert.match(digest, /^[0-9a-f]{64}$/);
    seen = sum(await (await page.request.get(await video.getAttribute("src"))).body());
    assert.ok(!(await received(digest)).digests.includes(digest), "nothing leaves before the approval");
    await shot("sealed");
  });

  await t.test("approve, and the receipt arrives", async () => {
    await write(page, page.locator("#approve-passphrase"), pass);
    const send = page.getByRole("button", { name: /^Send \d+ clips?/ });
    if (onPhone) await send.dblclick(); // as people do; it is sent once all the same
    else await press(page, send);
    await page.waitForURL("**/result");
    await shot("result");
    const now = page.getByRole("button", { name: "Send now" });
    const done = page.locator("[data-state=done]");
    await Promise.race([now.waitFor({ timeout: patience }), done.waitFor({ timeout: patience })]);
    if (await now.count()) await press(page, now);
    await done.waitFor({ timeout: patience });
    await page.getByText("Received", { exact: true }).waitFor();
    await shot("received");
    const { digests, files } = await received(digest);
    assert.equal(digests.filter((d) => d === digest).length, 1, "the agency has the file that was approved, once");
    assert.ok(files.includes(seen), "and in it the very video that the page played");
    await page.goto("/ledger");
    await page.getByText("Receipt", { exact: true }).first().waitFor();
    await shot("ledger");
  });

  assert.deepEqual(faults, []);
});

// Choosing what would be sent, with pictures: by keys on a desktop, by finger on
// a phone, and from the timeline. Nothing of it seals or sends.
//
//   CONSOLE_TEST=PATH [SHOTS=dir] node --test cut.spec.mjs
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { accessible, desktop, home, launch, open, phone, stopHomes } from "./browser.mjs";

const { SHOTS: shots } = process.env;
let browser, base;
before(async () => { [browser, base] = await Promise.all([launch(), home()]); });
after(async () => {
  await browser?.close();
  stopHomes();
});

async function visit(to, look) {
  const { page, context, faults } = await open(browser, base, look);
  await page.goto(`/_gallery/open?${new URLSearchParams({ home: "well", to, language: look.language ?? "en", looks: look.colorScheme ?? "light" })}`);
  return { page, context, faults };
}

/** The first waiting request's page, with a camera ticked. */
async function ticked(look) {
  const there = await visit("/requests", look);
  const { page } = there;
  await page.locator(".item h2 a").first().click();
  const camera = page.locator("fieldset.camera").first();
  assert.equal(await camera.locator(".cut").isVisible(), false, "nothing is chosen for anybody");
  await camera.locator("input[name=clip]").check();
  await page.waitForFunction(() => {
    const v = document.querySelector(".cut video");
    return v.readyState >= 2 && !v.closest(".screen").classList.contains("waiting") && [...document.querySelectorAll(".cut:not([hidden]) .pictures img")].every((i) => i.complete && i.naturalWidth > 0);
  }, null, { timeout: 30_000 });
  return { ...there, camera };
}

test("with the keyboard, on a desktop", async () => {
  const { page, context, faults, camera } = await ticked({ viewport: desktop, colorScheme: "light" });
  const [from, to] = [camera.locator("input[type=datetime-local]").first(), camera.locator("input[type=datetime-local]").last()];
  const [start, end] = [camera.locator("input[type=range]").first(), camera.locator("input[type=range]").last()];
  const ms = async (f) => Date.parse(`${await f.inputValue()}Z`);
  const [was, last] = [await ms(from), await ms(to)];

  await start.focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await ms(from), was + 1000);
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("PageUp");
  assert.equal(await ms(from), was + 21_000);
  assert.equal(await start.getAttribute("aria-valuetext"), (await from.inputValue()).slice(11));
  await page.keyboard.press("End");
  assert.equal(await ms(from), last - 1000, "the beginning stays before the end");
  await from.fill(new Date(last - 600_000).toISOString().slice(0, 19));
  assert.equal(await start.getAttribute("aria-valuetext"), new Date(last - 600_000).toISOString().slice(11, 19), "what is typed moves the handle");
  await end.focus();
  await page.keyboard.press("PageDown");
  assert.equal(await ms(to), last - 10_000);
  await page.getByText("1 clip, 9 min 50 s", { exact: true }).waitFor();

  // It plays from the beginning, by the recording's own clock.
  await page.waitForFunction(() => !document.querySelector(".cut .screen").classList.contains("waiting"));
  await camera.getByRole("button", { name: "Play what is chosen" }).press("Enter");
  await page.waitForFunction(() => { const v = document.querySelector(".cut video"); const n = Number(v.dataset.was ??= String(v.currentTime)); return !v.paused && v.currentTime > n + 0.5 && v.readyState > 2; }, null, { timeout: 30_000 });
  await camera.getByRole("button", { name: "Play what is chosen" }).press("Enter");
  await page.waitForFunction(() => document.querySelector(".cut video").paused);
  await accessible(page, "cut");
  if (shots) await camera.screenshot({ path: `${shots}/cut-desktop.png` });
  await camera.locator("input[name=clip]").uncheck();
  await camera.locator(".cut").waitFor({ state: "hidden" });
  await page.getByText("Nothing chosen").waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test("with a finger, on a phone, from right to left", async () => {
  for (const language of ["en", "ar-XB"]) {
    const { page, context, faults, camera } = await ticked({ viewport: phone, colorScheme: "dark", hasTouch: true, language });
    const end = camera.locator("input[type=range]").last();
    const to = camera.locator("input[type=datetime-local]").last();
    const last = Date.parse(`${await to.inputValue()}Z`);
    await end.evaluate((e) => e.scrollIntoView({ block: "center" }));
    const box = await end.boundingBox();
    await page.mouse.move(box.x + box.width - 22, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 6 });
    if (shots) await page.screenshot({ path: `${shots}/cut-phone-${language}.png` });
    await page.mouse.up();
    const now = Date.parse(`${await to.inputValue()}Z`), first = Date.parse(`${await camera.locator("input[type=datetime-local]").first().inputValue()}Z`);
    assert.ok(Math.abs((now - first) / (last - first) - 0.5) < 0.03, `half of it, not ${(now - first) / (last - first)}`);
    await accessible(page, `cut ${language}`);
    assert.deepEqual(faults, []);
    await context.close();
  }
});

test("from the timeline", async () => {
  const { page, context, faults } = await visit("/timeline/Driveway?at=2026-11-21T13:03:20-08:00", { viewport: desktop, colorScheme: "light" });
  await page.getByLabel("From").fill("2026-11-21T13:03:00");
  await page.getByLabel("To", { exact: true }).fill("2026-11-21T13:04:00");
  await page.getByRole("button", { name: /^Use for the request of/ }).first().click();
  await page.getByText("What you chose on the timeline is filled in").waitFor();
  const camera = page.locator("fieldset.camera", { hasText: "Driveway" });
  assert.equal(await camera.locator("input[name=clip]").isChecked(), true);
  assert.equal(Date.parse(await camera.locator("input[type=datetime-local]").first().inputValue()), Date.parse("2026-11-21T13:03:00"));
  await camera.locator(".cut").waitFor();
  await page.getByText("1 clip, 1 min").waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test("an hour that comes twice is the one that is shown", async () => {
  const { page, context, faults } = await visit("/requests", { viewport: desktop, colorScheme: "light" });
  const at = await page.evaluate(async () => {
    const { momentOf, setMoment, stamp } = await import(new URL("clock.mjs", document.querySelector("script[type=module]").src).href);
    const zone = [[Date.parse("2026-11-01T00:00:00-07:00"), -420], [Date.parse("2026-11-01T09:00:00Z"), -480]];
    const input = Object.assign(document.createElement("input"), { type: "datetime-local", step: "1" });
    const said = ["2026-11-01T08:30:00Z", "2026-11-01T09:30:00Z", "2026-11-01T09:30:07Z"].map((t) => {
      setMoment(input, Date.parse(t), zone);
      return stamp(momentOf(input, zone), zone);
    });
    input.value = "2026-11-01T00:30:00"; // typed: what was set before counts no more
    return [...said, stamp(momentOf(input, zone), zone)];
  });
  assert.deepEqual(at, ["2026-11-01T01:30:00-07:00", "2026-11-01T01:30:00-08:00", "2026-11-01T01:30:07-08:00", "2026-11-01T00:30:00-07:00"]);
  assert.deepEqual(faults, []);
  await context.close();
});

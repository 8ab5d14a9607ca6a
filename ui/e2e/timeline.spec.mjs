// The timeline in a real browser: the drawn day, its player and its keys, on a
// fixture home.
//
//   go test -c -o /tmp/console.test ./ui
//   CONSOLE_TEST=/tmp/console.test node --test timeline.spec.mjs
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { desktop, home, launch, logIn, open, phone, stopHomes } from "./browser.mjs";

let browser, base;
before(async () => { [browser, base] = await Promise.all([launch(), home()]); });
after(async () => {
  await browser?.close();
  stopHomes();
});

/** Opens a page of a fixture home. */
async function visit(path, { at = "well", ...look } = {}) {
  const { page, context, faults } = await open(browser, base, look);
  await page.goto(`/_gallery/open?${new URLSearchParams({ home: at, to: path, language: "en", looks: look.colorScheme ?? "light" })}`);
  return { page, context, faults };
}

const slider = (page) => page.getByRole("slider", { name: "Time" });
const words = (page) => slider(page).getAttribute("aria-valuetext");

/** Waits until the first picture of a moment is there. */
const settled = (page) => page.waitForFunction(() => document.querySelector("video").readyState >= 2 && !document.querySelector(".waiting"), null, { timeout: 20_000 });

/** Waits until the slider says something. */
async function says(page, pattern) {
  for (const end = Date.now() + 10_000; Date.now() < end; await page.waitForTimeout(50)) if (pattern.test(await words(page))) return;
  assert.fail(`the slider says "${await words(page)}", not ${pattern}`);
}

test("a moment by its address, and every key", async () => {
  const { page, context, faults } = await visit("/timeline/Driveway?at=2026-11-21T13:03:20-08:00");
  await settled(page);
  await says(page, /^Sat 21 Nov 2026 13:03:20, recorded, Held for Lakeside Police, asked for by Lakeside Police$/);
  await page.locator("body").click({ position: { x: 5, y: 700 } });
  for (const [key, want] of [
    ["l", "13:03:30"], ["j", "13:03:20"], ["ArrowRight", "13:03:21"], ["ArrowLeft", "13:03:20"],
  ]) {
    await page.keyboard.press(key);
    await says(page, new RegExp(` ${want},`));
    await settled(page);
  }
  const frame = () => page.$eval("video", (v) => v.currentTime);
  const was = await frame();
  await page.keyboard.press(".");
  await page.waitForFunction((t) => document.querySelector("video").currentTime > t, was);
  assert.ok(await frame() - was < 0.2, "one picture on");
  await page.keyboard.press(",");
  await page.waitForFunction((t) => document.querySelector("video").currentTime < t + 0.01, was);

  await page.keyboard.press("+");
  await page.getByRole("button", { name: "24 h" }).and(page.locator("[aria-pressed=false]")).waitFor();
  await page.keyboard.press("p");
  await says(page, /, motion/);
  await page.keyboard.press("[");
  await page.keyboard.press("l");
  await settled(page);
  await page.keyboard.press("]");
  await page.getByText("10 s chosen").waitFor();
  assert.equal((Date.parse(await page.inputValue("input[name=out]")) - Date.parse(await page.inputValue("input[name=in]"))) / 1000, 10);
  assert.equal(await page.$eval("video", (v) => v.muted), true, "sound is off until it is wanted");
  await page.keyboard.press("m");
  assert.equal(await page.$eval("video", (v) => v.muted), false);
  await page.keyboard.press("?");
  await page.getByRole("heading", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  assert.match(page.url(), /\?at=2026-11-21T1\d%3A/, "the address holds the moment");
  assert.deepEqual(faults, []);
  await context.close();
});

test("what the slider is called and says, closer and wider, motion to motion, half to eight times as fast", async () => {
  const { page, context, faults } = await visit("/timeline/Driveway?at=2026-11-21T10:00:20-08:00");
  await settled(page);
  const thumb = slider(page);
  const value = async (name) => Number(await thumb.getAttribute(`aria-value${name}`));
  assert.deepEqual([await value("min"), await value("max"), await value("now")], [0, 86_400, 36_020]);
  await thumb.focus();
  await page.keyboard.press("ArrowRight");
  await says(page, /^Sat 21 Nov 2026 10:00:21, recorded/);
  assert.equal(await value("now"), 36_021);
  await settled(page);
  for (const [key, want] of [
    ["PageUp", "10:00:31"], ["PageDown", "10:00:21"], ["ArrowUp", "10:00:22"], ["ArrowDown", "10:00:21"], ["End", "23:59:59"], ["Home", "00:00:00"],
  ]) {
    await page.keyboard.press(key);
    await says(page, new RegExp(` ${want}, recorded`));
    await settled(page);
  }
  await page.goto("/timeline/Driveway?at=2026-11-21T10:00:21-08:00");
  await settled(page);
  assert.ok(await page.evaluate(() => { scrollTo(0, 0); return document.documentElement.scrollHeight > innerHeight; }));
  await page.keyboard.press("End");
  await page.waitForFunction(() => scrollY > 0); // elsewhere the key moves the page
  await says(page, / 10:00:21,/);
  await page.evaluate(() => scrollTo(0, 0));
  await thumb.focus();

  const shown = () => page.$eval("gh-timeline", (t) => t.view.to - t.view.from);
  await page.keyboard.press("+");
  await page.keyboard.press("=");
  assert.equal(await shown(), 6 * 3_600_000);
  await page.getByRole("group", { name: "Zoom" }).locator("[data-zoom='21600'][aria-pressed=true]").waitFor();
  await page.keyboard.press("-");
  assert.equal(await shown(), 12 * 3_600_000);

  // To the motion after and back to the one before: each is a start that the day has.
  const starts = await page.$eval("gh-timeline", (t) => t.lanes.data.motion.map((m) => t.lanes.data.from + m[0]));
  const at = () => page.$eval("gh-timeline", (t) => t.at);
  const from = await at();
  const next = starts.find((m) => m > from + 500);
  await page.keyboard.press("N");
  await page.waitForFunction((t) => Math.abs(document.querySelector("gh-timeline").at - t) < 100, next);
  await settled(page);
  await says(page, /, motion/);
  await page.keyboard.press("p");
  const previous = starts.findLast((m) => m < next - 1500);
  await page.waitForFunction((t) => Math.abs(document.querySelector("gh-timeline").at - t) < 100, previous);
  await settled(page);

  const speed = page.getByLabel("Speed"), rate = () => page.$eval("video", (v) => v.playbackRate);
  for (const [key, want] of [["<", 0.5], ["<", 0.5], [">", 1], [">", 2], [">", 4], [">", 8], [">", 8]]) {
    await page.keyboard.press(key);
    assert.deepEqual([await rate(), await speed.inputValue()], [want, String(want)]);
  }
  await page.keyboard.press("k");
  await page.waitForFunction(() => !document.querySelector("video").paused);
  assert.equal(await rate(), 8, "a film that starts keeps its speed");
  await page.keyboard.press("k");
  await speed.selectOption("0.5");
  assert.equal(await rate(), 0.5);
  await page.keyboard.press("?");
  await page.keyboard.press("Escape");
  await page.locator("body").click({ position: { x: 5, y: 700 } });
  await page.keyboard.press("f");
  await page.waitForFunction(() => document.fullscreenElement?.classList.contains("screens"));
  await page.keyboard.press("f");
  await page.waitForFunction(() => !document.fullscreenElement);
  assert.deepEqual(faults, []);
  await context.close();
});

test("two fingers", async () => {
  const { page, context, faults } = await visit("/timeline/Driveway?at=2026-11-21T13:03:20-08:00", { viewport: phone });
  await settled(page);
  await page.locator(".stage").scrollIntoViewIfNeeded();
  const stage = await page.locator(".stage").boundingBox();
  const cdp = await context.newCDPSession(page);
  const y = stage.y + 50, mid = stage.x + stage.width / 2;
  const touch = (type, ...xs) => cdp.send("Input.dispatchTouchEvent", { type, touchPoints: xs.map((x, id) => ({ x, y, id })) });
  const view = () => page.$eval("gh-timeline", (t) => ({ long: t.view.to - t.view.from, mid: (t.view.from + t.view.to) / 2, at: t.at }));
  const before = await view();
  await touch("touchStart", mid - 30, mid + 30);
  for (const d of [45, 60, 90, 120]) await touch("touchMove", mid - d, mid + d);
  await touch("touchEnd");
  await page.waitForFunction((long) => { const v = document.querySelector("gh-timeline").view; return v.to - v.from < long / 3; }, before.long);
  const after = await view();
  assert.ok(Math.abs(after.long - before.long / 4) < 60_000, `from ${before.long} to ${after.long} ms`);
  assert.ok(Math.abs(after.mid - before.mid) < 120_000, "what was between the fingers stays there");
  assert.equal(after.at, before.at, "a pinch goes nowhere");
  await touch("touchStart", mid - 120, mid + 120);
  for (const d of [90, 60, 20]) await touch("touchMove", mid - d, mid + d);
  await touch("touchEnd");
  await page.waitForFunction((long) => { const v = document.querySelector("gh-timeline").view; return v.to - v.from === long; }, before.long);
  assert.deepEqual(faults, []);
  await context.close();
});

test("a gap is jumped, and a sign says how long and why", async () => {
  const { page, context, faults } = await visit("/timeline/Driveway?at=2026-11-21T13:03:57-08:00");
  await settled(page);
  await page.keyboard.press(" ");
  await page.getByRole("status").getByText("3 min 12 s skipped: nothing was recorded. The camera stopped sending pictures.").waitFor({ timeout: 20_000 });
  await says(page, / 13:07:1\d, recorded/);
  await page.keyboard.press(" ");
  // A moment inside of the gap leads behind it too.
  await page.goto("/timeline/Driveway?at=2026-11-21T13:05:00-08:00");
  await settled(page);
  await says(page, / 13:07:12, recorded/);
  assert.deepEqual(faults, []);
  await context.close();
});

test("twenty-four hours under a thumb", async () => {
  const { page, context, faults } = await visit("/timeline/Driveway?day=2026-11-21");
  await settled(page);
  const stage = await page.locator(".stage").boundingBox();
  assert.ok(stage.y + stage.height < desktop.height, "the timeline is in sight without scrolling");
  const y = stage.y + 50;
  const thumb = await slider(page).boundingBox();
  await page.mouse.move(thumb.x + thumb.width / 2, y);
  await page.mouse.down();
  const hours = [];
  for (let i = 48; i >= 0; i--) {
    await page.mouse.move(stage.x + (stage.width - 1) * (i / 48), y);
    hours.push((await page.locator(".clock").textContent()).slice(0, 2));
  }
  assert.equal(new Set(hours).size, 24, `the clock went through ${new Set(hours).size} hours`);
  await page.waitForFunction(() => { const c = document.querySelector(".screen canvas"); return !c.hidden && c.width === 160; });
  await page.mouse.move(stage.x + stage.width / 2, y);
  await page.mouse.up();
  await settled(page);
  await page.waitForFunction(() => document.querySelector(".screen canvas").hidden, null, { timeout: 5000 });
  await says(page, / (11:5\d|12:0\d):\d\d, recorded/);
  // The wheel zooms about the pointer: what is under it stays.
  await page.mouse.move(stage.x + stage.width / 4, y);
  await page.mouse.wheel(0, -600);
  const under = await page.$eval("gh-timeline", (t) => t.view.from + (t.view.to - t.view.from) / 4);
  assert.ok(Math.abs(under - Date.parse("2026-11-21T06:00:00-08:00")) < 120_000, `under the pointer is ${new Date(under).toISOString()}`);
  assert.deepEqual(faults, []);
  await context.close();
});

test("cameras side by side on one clock, and one that this browser cannot play whole", async () => {
  const { page, context, faults } = await visit("/timeline/Driveway?at=2026-11-21T10:00:00-08:00&with=Front+door&with=Workshop", { at: "many cameras" });
  await page.waitForFunction(() => document.querySelectorAll("video").length === 3 && [...document.querySelectorAll("video")].every((v) => v.readyState >= 2), null, { timeout: 30_000 });
  await page.getByText("Full quality in the download.").waitFor();
  await page.keyboard.press("k");
  await page.waitForTimeout(3000);
  const times = await page.$$eval("video", (list) => list.map((v) => v.paused));
  assert.deepEqual(times, [false, false, false]);
  const apart = await page.$eval("gh-watch", (w) => w.apart);
  assert.ok(apart < 250, `the pictures are ${apart} ms apart`);
  assert.equal(await page.getByLabel("Camera", { exact: true }).locator("option").count(), 65);
  assert.deepEqual(faults, []);
  await context.close();
});

test("a connection that is lost is called that, and the film goes on when it is back", async () => {
  const { page, context } = await visit("/timeline/Driveway?at=2026-11-21T13:03:20-08:00");
  await page.route(/\/events(\?|$)/, (route) => route.abort()); // what is open stays open while Chromium plays offline
  await page.reload();
  await settled(page);
  const lost = page.getByText("The hub does not answer. What you see here is older");
  assert.equal(await lost.isVisible(), false);
  await context.setOffline(true);
  await page.evaluate(() => document.querySelector("gh-timeline").dispatchEvent(new CustomEvent("seek", { detail: Date.parse("2026-11-21T09:30:00-08:00") })));
  await lost.waitFor({ timeout: 60_000 });
  await page.getByText("The hub does not answer. It is asked again and again.").waitFor({ timeout: 60_000 });
  await context.setOffline(false);
  await lost.waitFor({ state: "hidden", timeout: 60_000 });
  await page.waitForFunction(() => document.querySelector("video").readyState >= 2 && !document.querySelector(".waiting"), null, { timeout: 60_000 });
  await page.getByText("It is asked again and again").waitFor({ state: "hidden" });
  await says(page, / 09:30:/);
  await context.close();
});

test("without scripts", async () => {
  const context = await browser.newContext({ baseURL: base, viewport: desktop, javaScriptEnabled: false });
  const page = await context.newPage();
  await logIn(page);
  await page.goto("/timeline/Driveway?at=2026-11-21T13:03:20-08:00");
  assert.match(await page.getAttribute("video", "src"), /clip\.mp4\?from=2026-11-21T21%3A03%3A20Z/);
  await page.getByRole("link", { name: /13:04:00 .*3 min 12 s/ }).click();
  assert.match(page.url(), /at=2026-11-21T13%3A04%3A00-08%3A00/);
  await context.close();
});

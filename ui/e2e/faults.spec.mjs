// What goes wrong while a page is open: the session ends, the hub is gone, a file
// of the recording vanishes, a button is pressed twice, two tabs show the same.
//
//   go test -c -o /tmp/console.test ./ui
//   CONSOLE_TEST=/tmp/console.test [SHOTS=dir] node --test faults.spec.mjs
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { accessible, home, launch, logIn, open, pass, phone, plays, stopHomes } from "./browser.mjs";

const waiting = "/requests/01936f2a-7c00-7000-8000-000000000001", sealed = "/requests/01936f2a-7c00-7000-8000-000000000002";
const shots = process.env.SHOTS;
let browser, base; // a home in which nothing is decided
before(async () => { [browser, base] = await Promise.all([launch(), home()]); });
after(async () => {
  await browser?.close();
  stopHomes();
});

const shot = async (page, name) => {
  if (shots) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
};

/** Presses a button twice, where a slow network brings both to the hub before either is answered. */
async function pressTwice(page, button, path) {
  let posts = 0;
  await page.route(`**${path}`, async (route) => {
    posts++;
    await route.fetch({ maxRedirects: 0 });
    await route.continue();
  });
  await button.dblclick();
  return () => assert.ok(posts > 0, "nothing was pressed");
}

test("the session ends in the middle of a form", async () => {
  const { page, context, faults } = await open(browser, base, { viewport: phone, expected: [401, 404] });
  // Without film: a player that is refused leads to the log-in by itself, and here a form is to be first.
  await page.route("**/cameras/**", (route) => route.fulfill({ status: 404, body: "" }));
  const comeBack = async (path) => {
    await page.getByRole("heading", { name: "You are not logged in." }).waitFor();
    await page.getByText("Nothing was changed or sent.").waitFor();
    await accessible(page, "the session is over");
    await shot(page, "session-over");
    await page.getByRole("link", { name: "Log in" }).click();
    await page.getByLabel("Passphrase").fill(pass);
    await page.getByRole("button", { name: "Log in", exact: true }).click();
    await page.waitForURL((url) => url.pathname === path);
  };
  await logIn(page);
  await page.goto(waiting);
  await page.locator("input[name=clip]").first().check();
  await context.clearCookies();
  await page.getByRole("button", { name: "Seal for preview" }).click();
  await comeBack(waiting);
  await page.getByRole("button", { name: "Seal for preview" }).waitFor();
  assert.equal(await page.locator("#sealed").count(), 0, "nothing was sealed");

  await page.goto(sealed);
  await page.locator("#approve-passphrase").fill(pass);
  await context.clearCookies();
  await page.getByRole("button", { name: /^Send \d+ clips?/ }).click();
  await comeBack(sealed);
  await page.getByRole("button", { name: /^Send \d+ clips?/ }).waitFor();

  await page.goto("/requests/add");
  await page.getByLabel("Who asks").fill("Officer Ruiz");
  await page.getByLabel("Video from").fill("2026-11-21T13:00:00");
  await page.getByLabel("until").fill("2026-11-21T13:45:00");
  await context.clearCookies();
  await page.getByRole("button", { name: "Enter" }).click();
  await comeBack("/requests/add");
  assert.deepEqual(faults, []);
  await context.close();
});

test("a connection that is lost is called that on every page that stays open", async () => {
  const { page, context } = await open(browser, base);
  await page.route(/\/events(\?|$)/, (route) => route.abort()); // what is open stays open while Chromium plays offline
  await logIn(page);
  const lost = (p) => p.getByText("The hub does not answer. What you see here is older");
  for (const path of ["/", sealed]) {
    await page.goto(path);
    if (path === "/") await plays(page, "gh-player video");
    assert.equal(await lost(page).isVisible(), false);
    await context.setOffline(true);
    await lost(page).waitFor({ timeout: 60_000 });
    await accessible(page, `${path}, the hub is gone`);
    await shot(page, `lost-${path === "/" ? "live" : "request"}`);
    await context.setOffline(false);
    await lost(page).waitFor({ state: "hidden", timeout: 60_000 });
  }
  await page.goto("/");
  await plays(page, "gh-player video");
  // What is pressed meanwhile goes nowhere, and is not made up for later.
  await page.goto(sealed);
  await page.locator("#approve-passphrase").fill(pass);
  await context.setOffline(true);
  await page.getByRole("button", { name: /^Send \d+ clips?/ }).click();
  await page.waitForURL("chrome-error://**");
  await context.setOffline(false);
  await page.goto(sealed);
  await page.getByRole("button", { name: /^Send \d+ clips?/ }).waitFor();
  await context.close();
});

test("a live picture comes back by itself", async () => {
  const { page, context } = await open(browser, base);
  await logIn(page);
  await page.goto("/live/Driveway");
  await plays(page, "gh-player video");
  const mode = (list) => page.waitForFunction((l) => l.includes(document.querySelector("gh-player").getAttribute("mode")), list, { timeout: 60_000 });
  await context.setOffline(true);
  await mode(["again", "still", "away"]);
  assert.notEqual((await page.innerText("gh-player .mode")).trim(), "Live");
  await shot(page, "lost-camera");
  await context.setOffline(false);
  await mode(["near", "late"]);
  await plays(page, "gh-player video");
  await context.close();
});

test("a file that vanishes while it is played is passed over", async () => {
  const { page, context } = await open(browser, base);
  // Each two seconds of the fixture are a file here, as minutes are of a real hub, and three of them go.
  const from = Date.parse("2026-11-21T13:10:10-08:00"), gone = new Set();
  await page.route("**/vod.m3u8*", async (route) => {
    const list = await (await route.fetch()).text();
    let at = 0;
    await route.fulfill({
      contentType: "application/vnd.apple.mpegurl",
      body: list.split("\n").map((line) => {
        at = Date.parse(line.match(/^#EXT-X-PROGRAM-DATE-TIME:(.*)/)?.[1]) || at;
        if (!line.startsWith("segment/")) return line;
        at += 2000;
        return `${line}?at=${at - 2000}`;
      }).join("\n"),
    });
  });
  await page.route("**/segment/*", (route) => {
    const at = Number(new URL(route.request().url()).searchParams.get("at"));
    if (at < from || at >= from + 6000) return route.continue();
    gone.add(at);
    return route.fulfill({ status: 404, body: "" });
  });
  await page.goto(`/_gallery/open?${new URLSearchParams({ home: "well", to: "/timeline/Driveway?at=2026-11-21T13:10:04-08:00", language: "en", looks: "light" })}`);
  await page.waitForFunction(() => document.querySelector("video").readyState >= 2 && !document.querySelector(".waiting"), null, { timeout: 60_000 });
  await page.keyboard.press("k");
  const at = () => page.$eval("gh-timeline", (t) => t.at);
  for (const end = Date.now() + 60_000; await at() < from + 8000 && Date.now() < end;) await page.waitForTimeout(100);
  assert.ok(await at() >= from + 8000, `it stands at ${new Date(await at()).toISOString()}`);
  assert.ok(gone.size > 0, "the files were asked for");
  assert.equal(await page.$eval("video", (v) => v.paused), false);
  await shot(page, "file-gone");
  await context.close();
});

test("Decline pressed twice, and the way back", async () => {
  const base = await home();
  const { page, context, faults } = await open(browser, base);
  await logIn(page);
  await page.goto(waiting);
  const twice = await pressTwice(page, page.getByRole("button", { name: "Decline" }), `${waiting}/decline`);
  await page.getByText("Declined. Nothing was sent, and nobody is told.").waitFor();
  twice();
  await page.goBack();
  await page.waitForURL(`**${waiting}`);
  await page.locator(".top .badge", { hasText: "Declined" }).waitFor();
  assert.equal(await page.locator("form[action$='/decline'], form[action$='/prepare'], form[action$='/approve']").count(), 0);
  assert.deepEqual(faults, []);
  await context.close();
});

test("Send pressed twice, the way back, and the same request in another tab", async () => {
  const base = await home();
  const { page, context, faults } = await open(browser, base);
  await logIn(page);
  const other = await context.newPage();
  await other.goto(sealed);
  await page.goto(sealed);
  const send = (p) => p.getByRole("button", { name: /^Send \d+ clips?/ });
  await page.locator("#approve-passphrase").fill(pass);
  const twice = await pressTwice(page, send(page), `${sealed}/approve`);
  await page.waitForURL("**/result");
  await page.locator("[data-state=cooling]").waitFor();
  twice();
  await page.goBack();
  await page.waitForURL((url) => url.pathname === sealed);
  await page.getByRole("link", { name: "See the delivery" }).waitFor();
  assert.equal(await send(page).count(), 0, "what was approved can be approved again");

  await other.bringToFront();
  await other.getByText("This request has changed since this page was drawn.").waitFor();
  await accessible(other, "a request that was decided elsewhere");
  await shot(other, "other-tab");
  await other.locator("#approve-passphrase").fill(pass);
  await send(other).click();
  await other.waitForURL("**/result"); // of what was sent, once
  await other.getByRole("button", { name: "Cancel" }).click();
  await other.locator("[data-state=cancelled]").waitFor();
  await other.goto(`${sealed}/result`);
  await other.locator("[data-state=cancelled]").waitFor(); // there is no second one
  assert.deepEqual(faults, []);
  await context.close();
});

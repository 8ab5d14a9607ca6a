// The owner's walk through a real hub in a real browser, from log-in to the
// receiver's signature.
//
//   go run ./hub demo          prints both:
//   CONSOLE_URL=http://127.0.0.1:8080 CONSOLE_PASSPHRASE=… node --test console.spec.mjs
//
// CONSOLE_VIEW=phone and CONSOLE_SCHEME=dark choose another look. The hub must
// have a camera, and a request that waits or soon will.
import { test } from "node:test";
import assert from "node:assert/strict";
import { accessible, desktop, launch, open, phone, plays, reachable } from "./browser.mjs";

const base = process.env.CONSOLE_URL;
const pass = process.env.CONSOLE_PASSPHRASE;
const patience = 120_000;
assert.ok(base && pass, "CONSOLE_URL and CONSOLE_PASSPHRASE say which hub and whose");

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
    viewport: process.env.CONSOLE_VIEW === "phone" ? phone : desktop,
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
    await page.getByLabel("Passphrase").fill(pass);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("heading", { name: "Live" }).waitFor();
  });

  await t.test("the live tile plays", async () => {
    await plays(page, "gh-player video");
    assert.equal(await page.locator("gh-player").first().getAttribute("mode"), "live");
    await shot("live");
  });

  await t.test("a recording plays", async () => {
    await page.goto("/timeline");
    await page.waitForFunction(() => document.querySelector("video")?.readyState > 0, null, { timeout: 30_000 });
    await page.keyboard.press("k");
    await plays(page, "gh-watch video");
    await shot("timeline");
  });

  await t.test("open the waiting request", async () => {
    await page.goto("/requests");
    const first = page.locator(".item h2 a");
    await appears(page, first, "a waiting request");
    await shot("requests");
    await first.first().click();
    await page.getByRole("heading", { name: "What they ask" }).waitFor();
    assert.equal(await page.locator("input[type=checkbox]:checked").count(), 0, "nothing may be preselected");
    await shot("request");
  });

  await t.test("choose, seal and watch", async () => {
    await page.locator("input[type=checkbox]").first().check();
    await page.getByRole("button", { name: "Seal for preview" }).click();
    await page.waitForURL("**#sealed");
    await page.$eval("#sealed video", (v) => { v.muted = true; return v.play(); });
    await plays(page, "#sealed video");
    assert.match(await page.inputValue("input[name=digest]"), /^[0-9a-f]{64}$/);
    await shot("sealed");
  });

  await t.test("approve, and the receipt arrives", async () => {
    await page.locator("#approve-passphrase").fill(pass);
    await page.getByRole("button", { name: /^Send \d+ clips?/ }).click();
    await page.waitForURL("**/result");
    await shot("result");
    const now = page.getByRole("button", { name: "Send now" });
    const done = page.locator("[data-state=done]");
    await Promise.race([now.waitFor({ timeout: patience }), done.waitFor({ timeout: patience })]);
    if (await now.count()) await now.click();
    await done.waitFor({ timeout: patience });
    await page.getByText("Received", { exact: true }).waitFor();
    await shot("received");
    await page.goto("/ledger");
    await page.getByText("Receipt", { exact: true }).first().waitFor();
    await shot("ledger");
  });

  assert.deepEqual(faults, []);
});

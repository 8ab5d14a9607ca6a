// Every screen of the gallery, light and dark, on a desktop and a phone, in three
// languages: no console error, nothing that axe finds, no sideways scrolling;
// then the walk from log-in to receipt with the keyboard alone.
//
//   go test -c -o /tmp/console.test ./ui
//   CONSOLE_TEST=/tmp/console.test [SHOTS=dir] node --test fixture.spec.mjs
import { describe, test, before, after } from "node:test";
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { accessible, desktop, home, launch, logIn, open, pass, phone, plays, reachable, stopHomes, tabTo } from "./browser.mjs";

const id = (n) => `01936f2a-7c00-7000-8000-00000000000${n}`;
const shots = process.env.SHOTS;
let browser, gallery; // a home that is only looked at

before(async () => {
  [browser, gallery] = await Promise.all([launch(), home()]);
  if (shots) await mkdir(shots, { recursive: true });
});

after(async () => {
  await browser?.close();
  stopHomes();
});

// Desktop and phone, and three languages, one of them from right to left: each manner
// once over every screen. Two of them look at it in the other colours too, by the rules of
// axe that colours decide, so that every screen is seen on both sizes, light and dark.
const manners = {
  "desktop, light and dark, English, with motion": { viewport: desktop, looks: "light", language: "en", reducedMotion: "no-preference", both: true },
  "phone, dark and light, Spanish": { viewport: phone, looks: "dark", language: "es", reducedMotion: "reduce", both: true },
  "phone, light, from right to left": { viewport: phone, looks: "light", language: "ar-XB", reducedMotion: "reduce" },
};
const ofColour = ["color-contrast", "link-in-text-block"];

/** Looks at a page in the colours that it does not have. */
async function otherColours(page, name, looks) {
  const other = looks === "light" ? "dark" : "light";
  await page.evaluate(async (other) => {
    document.documentElement.dataset.looks = other;
    await Promise.all(document.getAnimations().map((a) => a.finished.catch(() => {})));
  }, other);
  await accessible(page, `${name}, ${other}`, ofColour);
}

/** Fails if anything moves by itself for somebody who asked that nothing does. */
async function still(page, name) {
  const moving = await page.evaluate(() => [...document.querySelectorAll("*")]
    .filter((e) => {
      const s = getComputedStyle(e);
      return s.animationName !== "none" || s.transitionDuration.split(", ").some((d) => d !== "0s") || s.scrollBehavior === "smooth";
    }).map((e) => e.outerHTML.slice(0, 60)));
  assert.deepEqual(moving, [], `what moves on ${name}`);
}

describe("every screen", { concurrency: true }, () => Object.entries(manners).forEach(([manner, { viewport, looks, language, reducedMotion, both }]) => {
  test(manner, async () => {
    const screens = await (await fetch(`${gallery}/_gallery.json`)).json();
    const { page, context, faults } = await open(browser, gallery, { viewport, colorScheme: looks, reducedMotion, expected: [401, 404, 409] });
    for (const { name, home, path } of screens) {
      await page.goto(`/_gallery/open?${new URLSearchParams({ home, to: path, language, looks })}`);
      assert.equal(new URL(page.url()).pathname, path.split("?")[0], name);
      if (name === "live") await plays(page, "gh-player video");
      if (name === "request, sealed") await page.waitForFunction(() => [...document.querySelectorAll("video")].every((v) => v.readyState > 0));
      const file = name.replaceAll(/[^a-z]+/g, "-");
      if (shots) await page.screenshot({ path: `${shots}/${file}-${viewport === phone ? "phone" : "desktop"}-${looks}-${language}.png`, fullPage: true });
      for (const check of [accessible, reachable]) await check(page, name).catch((e) => faults.push(e.message));
      if (language === "es") await still(page, name).catch((e) => faults.push(e.message));
      if (both) await otherColours(page, name, looks).catch((e) => faults.push(e.message));
    }
    assert.deepEqual(faults, []);
    await context.close();
  });
}));

test("what changes is noticed: the count, a delivery, a page grown stale", async () => {
  const base = await home();
  const { page, context, faults } = await open(browser, base);
  await logIn(page);
  await page.goto(`/requests/${id(2)}`);
  const other = await context.newPage();
  await other.goto(`/requests/${id(2)}`);
  await other.getByRole("button", { name: "Decline" }).click();
  await other.getByText("Declined. Nothing was sent, and nobody is told.").waitFor();
  await other.close();
  await page.bringToFront();
  await page.getByText("This request has changed since this page was drawn.").waitFor();
  await page.waitForFunction(() => document.querySelector("[data-count] span")?.textContent === "2");
  await page.getByRole("link", { name: "Show it as it is now" }).click();
  await page.locator(".top .badge", { hasText: "Declined" }).waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test("the service worker keeps static files and nothing private", async () => {
  const base = await home();
  const { page, context, faults } = await open(browser, base);
  await logIn(page);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(() => navigator.serviceWorker.controller);
  await page.goto(`/requests/${id(2)}`);
  await page.waitForFunction(() => [...document.querySelectorAll("video")].every((v) => v.readyState > 0));
  await page.goto("/");
  await plays(page, "gh-player video");
  const kept = await page.evaluate(async () => {
    const found = [];
    for (const name of await caches.keys()) for (const r of await (await caches.open(name)).keys()) found.push(new URL(r.url).pathname);
    return found;
  });
  assert.ok(kept.length > 3, `kept: ${kept}`);
  assert.deepEqual(kept.filter((p) => !/^\/static\/[0-9a-f]{16}\//.test(p)), []);
  const app = await (await fetch(`${base}/manifest.webmanifest`)).json();
  for (const icon of app.icons) assert.equal((await fetch(base + icon.src)).status, 200, icon.src);
  assert.deepEqual(faults, []);
  await context.close();
});

test("first run, from this machine", async () => {
  const base = await home({ GATEHOUSE_CONSOLE_FRESH: "1" });
  const { page, context, faults } = await open(browser, base, { expected: [422] });
  await page.goto("/");
  await page.waitForURL("**/setup");
  if (shots) await page.screenshot({ path: `${shots}/setup-desktop-light.png`, fullPage: true });
  await accessible(page, "setup");
  await page.getByLabel("Choose a passphrase").fill("correct horse battery");
  await page.getByLabel("The same again").fill("correct horse batterie");
  await page.getByRole("button", { name: "Set passphrase" }).click();
  await page.getByText("The two new passphrases differ.").waitFor();
  await accessible(page, "setup with a problem");
  await page.getByLabel("Choose a passphrase").fill("correct horse battery");
  await page.getByLabel("The same again").fill("correct horse battery");
  await page.getByRole("button", { name: "Set passphrase" }).click();
  await page.getByRole("heading", { name: "Your home" }).waitFor(); // the rest is setup.spec.mjs
  assert.deepEqual(faults, []);
  await context.close();
});

test("approval with the keyboard alone", async () => {
  const base = await home();
  const { page, context, faults } = await open(browser, base, { expected: [403] });
  await page.goto("/login");
  await tabTo(page, page.getByLabel("Passphrase"));
  await page.keyboard.type(pass);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/");
  await page.goto(`/requests/${id(1)}`);
  assert.equal(await page.locator("input[type=checkbox]:checked").count(), 0, "nothing may be preselected");
  await tabTo(page, page.locator("input[type=checkbox]").first());
  await page.keyboard.press("Space");
  await page.getByText("1 clip, 45 min").waitFor();
  await tabTo(page, page.getByRole("button", { name: "Seal for preview" }));
  await page.keyboard.press("Enter");
  await page.waitForURL("**#sealed");
  await page.$eval("#sealed video", (v) => { v.muted = true; v.play(); });
  await plays(page, "#sealed video");
  const digest = await page.inputValue("input[name=digest]");
  assert.match(digest, /^[0-9a-f]{64}$/);
  const [decline, send] = await Promise.all([
    page.getByRole("button", { name: "Decline" }).boundingBox(),
    page.getByRole("button", { name: /^Send 1 clip/ }).boundingBox(),
  ]);
  assert.ok(Math.abs(decline.width - send.width) < 1 && Math.abs(decline.height - send.height) < 1, "both choices have equal weight");

  await tabTo(page, page.locator("#approve-passphrase"));
  await page.keyboard.type("wrong");
  await page.keyboard.press("Enter");
  await page.getByText("That is not the passphrase.").waitFor();
  if (shots) await page.screenshot({ path: `${shots}/request-wrong-desktop-light.png`, fullPage: true });
  await accessible(page, "request with a problem");
  await tabTo(page, page.locator("#approve-passphrase"));
  await page.keyboard.type(pass);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/result");
  await page.locator("[data-state=cooling]").waitFor();
  await tabTo(page, page.getByRole("button", { name: "Send now" }));
  await page.keyboard.press("Enter");
  await page.locator("[data-state=sending]").waitFor();
  await page.waitForFunction(() => document.querySelector("progress")?.value > 20);
  if (shots) await page.screenshot({ path: `${shots}/result-sending-desktop-light.png`, fullPage: true });
  await page.locator("[data-state=done]").waitFor({ timeout: 30_000 });
  await page.getByText("Received", { exact: true }).waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test("pairing code after the passphrase, allow and remove an agency", async () => {
  const base = await home();
  const { page, context, faults } = await open(browser, base);
  await logIn(page);
  await page.goto("/settings");
  await page.getByRole("link", { name: "Pairing and accessories" }).click();
  await page.locator("#open-passphrase").fill(pass);
  await page.getByRole("button", { name: "Open pairing" }).click();
  await page.getByText("518-20-736").first().waitFor();
  if (shots) await page.screenshot({ path: `${shots}/pairing-desktop-light.png`, fullPage: true });
  await accessible(page, "pairing");
  await page.goto("/agencies");
  await page.locator("summary").click();
  if (shots) await page.screenshot({ path: `${shots}/agencies-open-desktop-light.png`, fullPage: true });
  await accessible(page, "agency profile");
  await page.getByRole("button", { name: "Add Lakeside Fire" }).click(); // the code has confirmed the session
  await page.getByText("The agency is on your list.").waitFor();
  await page.getByRole("button", { name: "Remove Lakeside Fire" }).click();
  await page.getByText("The agency is off your list.").waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test("a request by hand: paste, enter, seal, approve, take out, hand over", async () => {
  const base = await home();
  const { page, context, faults } = await open(browser, base, { expected: [409] });
  await logIn(page);
  await page.goto("/requests");
  await page.getByRole("link", { name: "Enter a request" }).click();
  await page.getByLabel("Text of the message").fill("Case no. 24-11873, please use https://lakeside.evidence.example/request/1");
  await page.getByRole("button", { name: "Read" }).click();
  await page.getByText("It leads to").waitFor();
  assert.equal(await page.getByLabel("Case or report number").inputValue(), "24-11873");
  await accessible(page, "read");
  await page.getByLabel("Who asks").fill("Officer Ruiz");
  await page.getByLabel("Video from").fill("2026-11-21T13:00:00");
  await page.getByLabel("until").fill("2026-11-21T13:45:00");
  await page.getByRole("button", { name: "Enter" }).click();
  await page.getByText("Unverified requester").first().waitFor();
  await page.locator("input[type=checkbox]").first().check();
  await page.getByRole("button", { name: "Seal for preview" }).click();
  await page.waitForURL("**#sealed");
  await page.getByLabel("Your passphrase").fill(pass);
  await page.getByRole("button", { name: /^Approve 1 clip/ }).click();
  await page.waitForURL("**/hand-over");
  const secret = await page.getByLabel("Passphrase of the file").inputValue();
  assert.match(secret, /^(....-){3}....$/);
  await page.locator("#pass-locked").fill(pass);
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Take out" }).last().click()]);
  assert.equal(file.suggestedFilename(), "GH-7Q3M-K2XD.age");
  await page.getByRole("button", { name: "Copy: Case number" }).click();
  await page.getByText("Copied").waitFor();
  await page.getByLabel("Whom you gave it").fill("J. Ruiz, badge 77");
  await page.getByLabel("In person").check();
  await page.locator("#done-passphrase").fill(pass);
  await page.getByRole("button", { name: "I handed it over" }).click();
  await page.getByText("You noted that you handed this package over.").waitFor();
  if (shots) await page.screenshot({ path: `${shots}/handover-walked-desktop-light.png`, fullPage: true });
  assert.deepEqual(faults, []);
  await context.close();
});

for (const [size, viewport, colorScheme] of [["desktop", desktop, "light"], ["phone", phone, "dark"]]) {
  test(`rules are tried and saved, the network is switched off, ${size}, ${colorScheme}`, async () => {
    const base = await home();
    const { page, context, faults } = await open(browser, base, { viewport, colorScheme });
    const look = async (name) => {
      if (shots) await page.screenshot({ path: `${shots}/${name}-${size}-${colorScheme}.png`, fullPage: true });
      await accessible(page, name);
      await reachable(page, name);
    };
    await logIn(page);
    await page.goto("/settings");
    await page.getByRole("link", { name: "Rules" }).click();
    const text = page.getByLabel("Rules as they stand in gatehouse.yml");
    await text.fill("- {level: wrong, action: hide}\n");
    await page.getByRole("button", { name: "Try these rules" }).click();
    await page.getByText("There are 2 mistakes").waitFor();
    assert.match(await text.inputValue(), /wrong/);
    faults.length = 0; // a browser reports every answer of 422
    await look("rules-wrong");
    await text.fill("- {level: federal, action: hide}\n");
    await page.getByRole("button", { name: "Try these rules" }).click();
    await page.getByText("In the last 365 days 41 requests touched your home.").waitFor();
    await look("rules-tried");
    await page.getByLabel("Passphrase").fill(pass);
    await page.getByRole("button", { name: "Save these rules" }).click();
    await page.getByText("The rules are saved").waitFor();
    await page.goto("/settings");
    await page.getByRole("button", { name: "Switch the network off" }).click();
    await page.getByText("Network off: nothing is fetched").waitFor();
    await look("network-off");
    await page.getByRole("button", { name: "Switch the network on" }).click();
    await page.getByText("The network is on.").waitFor();
    assert.deepEqual(faults, []);
    await context.close();
  });
}

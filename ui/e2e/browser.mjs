// What every browser test shares: Debian's Chromium, and a page that fails the
// test on a console error or a failed request.
import { chromium } from "playwright-core";
import AxeBuilder from "@axe-core/playwright";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** How long anything may take, in ms: a machine under load is slow and not wrong. */
export const patience = 120_000;
export const desktop = { width: 1280, height: 800 };
export const phone = { width: 390, height: 844 };

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
      "--disable-sync", "--no-first-run", "--autoplay-policy=no-user-gesture-required",
    ],
  });
}

/**
 * Opens a page whose faults are collected. `expected` lists statuses that the
 * test provokes: Chromium writes those to the console too.
 */
export async function open(browser, base, { viewport = desktop, colorScheme = "light", reducedMotion = "reduce", expected = [] } = {}) {
  const context = await browser.newContext({
    baseURL: base, viewport, colorScheme, reducedMotion,
    isMobile: viewport.width < 600, hasTouch: viewport.width < 600, deviceScaleFactor: viewport.width < 600 ? 2 : 1,
    ignoreHTTPSErrors: true,
  });
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  const faults = [];
  page.on("console", (m) => {
    if (m.type() !== "error" && m.type() !== "warning") return;
    if (expected.some((s) => m.text().includes(`status of ${s}`))) return;
    faults.push(`console: ${m.text()}`);
  });
  page.on("pageerror", (e) => faults.push(`script: ${e.message}`));
  page.on("requestfailed", (r) => {
    // A player that stops, and a page that is left, cancel what they were fetching.
    if (r.failure()?.errorText !== "net::ERR_ABORTED") faults.push(`request: ${r.url()} ${r.failure()?.errorText}`);
  });
  page.on("response", (r) => {
    if (r.status() >= 400 && !expected.includes(r.status())) faults.push(`status ${r.status()}: ${r.url()}`);
    if (new URL(r.url()).origin !== new URL(base).origin && !r.url().startsWith("blob:")) faults.push(`foreign host: ${r.url()}`);
  });
  return { page, context, faults };
}

/** Fails on anything that axe finds against WCAG 2.2 AA, or on sideways scrolling. `rules` are the only ones, if named. */
export async function accessible(page, where, rules) {
  // In the page itself: the other way opens a second page for each look, to be safe from
  // frames that lie, and takes more than twice as long. No page here has a frame.
  const axe = new AxeBuilder({ page }).setLegacyMode();
  const { violations } = await (rules ? axe.withRules(rules) : axe.withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])).analyze();
  const found = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join(" | ")} (${v.help})`);
  assert.deepEqual(found, [], `axe on ${where}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${where} scrolls sideways by ${wide} px`);
}

/** Controls that a finger must hit are 44 px high or more; links in running text are exempt. */
export async function reachable(page, where) {
  const small = await page.evaluate(() =>
    [...document.querySelectorAll("button, .button, .choice, input:not([type=hidden], [type=checkbox], [type=radio]), nav a, label.check, label:has(input[type=radio]), summary")]
      .filter((e) => e.checkVisibility())
      .map((e) => ({ h: e.getBoundingClientRect().height, what: e.outerHTML.slice(0, 80) }))
      .filter((e) => e.h > 0 && e.h < 43.5));
  assert.deepEqual(small, [], `targets on ${where}`);
}

/** Waits until a <video> plays: its time advances and frames are decoded. */
export async function plays(page, selector) {
  await page.waitForFunction((s) => {
    const v = document.querySelector(s);
    return v && v.currentTime > 0 && v.getVideoPlaybackQuality().totalVideoFrames > 0;
  }, selector, { timeout: patience });
  const before = await page.$eval(selector, (v) => v.currentTime);
  await page.waitForFunction(([s, t]) => document.querySelector(s).currentTime > t + 0.5, [selector, before], { timeout: patience });
}

/** Presses Tab until something has the focus, once around the page at most. */
export async function tabTo(page, what) {
  for (let i = 0; i < 200; i++) {
    await page.keyboard.press("Tab");
    if (await what.evaluate((e) => e === document.activeElement)) return;
  }
  assert.fail(`no way by Tab to ${what}`);
}

const servers = [];

/** Starts a fixture home and resolves to its address. */
export async function home(env = {}) {
  const child = spawn(process.env.CONSOLE_TEST, [], {
    env: { ...process.env, GATEHOUSE_CONSOLE_FIXTURE: "127.0.0.1:0", ...env }, stdio: ["ignore", "pipe", "inherit"],
  });
  servers.push(child);
  for await (const line of createInterface({ input: child.stdout })) return line.trim();
  throw new Error("the fixture server did not start");
}

export function stopHomes() {
  for (const s of servers) s.kill("SIGINT");
}

/** The passphrase of every fixture home. */
export const pass = "correct horse battery";

export async function logIn(page) {
  await page.goto("/login");
  await page.getByLabel("Passphrase").fill(pass);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  await page.waitForURL("**/");
}

/** Goes through the first run of a hub that has its configuration, from this machine. */
export async function passFirstRun(page) {
  await page.goto("/setup");
  await page.getByLabel("Choose a passphrase").fill(pass);
  await page.getByLabel("The same again").fill(pass);
  await page.getByRole("button", { name: "Set passphrase" }).click();
  for (const [heading, button] of [
    ["Your home", "Not now"], ["Where footage is kept", "Not now"], ["Your cameras", "Go on"],
  ]) {
    await page.getByRole("heading", { name: heading }).waitFor();
    await page.getByRole("button", { name: button }).click();
  }
  await page.getByRole("button", { name: "Open the console" }).click();
  await page.getByRole("heading", { name: "Live" }).waitFor();
}

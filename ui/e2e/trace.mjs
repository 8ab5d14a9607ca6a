// What the thread of a page did, by Chromium's own trace: the time that a frame or
// a start costs, whatever else the machine does meanwhile.
import assert from "node:assert/strict";

/** @typedef {{ name: string, ph: string, pid: number, tid: number, ts: number, dur?: number, tdur?: number, args: any }} Event times in µs */

/**
 * Runs something and resolves to what a page's thread did meanwhile, in order. A browser has
 * more such threads than one: meant is the one of the last event that passes.
 * @param {import("playwright-core").Browser} browser @param {import("playwright-core").Page} page
 * @param {(e: Event) => boolean} its @param {() => Promise<void>} run
 * @returns {Promise<Event[]>}
 */
export async function traced(browser, page, its, run) {
  await browser.startTracing(page, { categories: ["-*", "devtools.timeline", "disabled-by-default-devtools.timeline", "blink.user_timing"] });
  await run();
  /** @type {Event[]} */
  const all = JSON.parse((await browser.stopTracing()).toString()).traceEvents;
  const one = all.findLast(its);
  assert.ok(one, "what was meant is not in the trace");
  return all.filter((e) => e.pid === one.pid && e.tid === one.tid).sort((a, b) => a.ts - b.ts);
}

/** A part of a list in order: 0.5 is the median, 1 the largest. @param {number[]} list @param {number} part */
export function quantile(list, part) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

// Measures the timeline on the fixture home of 2,000 events a day: how long a
// frame takes to draw while the view is panned, at full speed and four times
// slower, and how long a picture takes after a jump.
//
//   CONSOLE_TEST=/tmp/console.test node timeline.bench.mjs
import { home, launch, open, stopHomes } from "./browser.mjs";

const browser = await launch();
const { page, context } = await open(browser, await home());
const cdp = await context.newCDPSession(page);
await page.goto(`/_gallery/open?${new URLSearchParams({ home: "many cameras", to: "/timeline/Driveway?at=2026-11-20T12:00:00-08:00", language: "en", looks: "light" })}`);
await page.waitForFunction(() => document.querySelector("video").readyState >= 2);
const of = (list, p) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * p))].toFixed(2);
for (const [rate, hours] of [[1, 24], [1, 6], [4, 24], [4, 6]]) {
  await cdp.send("Emulation.setCPUThrottlingRate", { rate });
  const times = await page.$eval("gh-timeline", async (line, hours) => {
    line.span(hours * 3_600_000); // a whole day does not move, but is drawn all the same
    const found = [];
    for (let i = 0; i < 100; i++) {
      await new Promise(requestAnimationFrame);
      line.pan((i < 50 ? 1 : -1) * 30_000);
      const t = performance.now();
      line.paint();
      found.push(performance.now() - t);
    }
    return found;
  }, hours);
  console.log(`pan ${hours} h, CPU 1/${rate}: median ${of(times, 0.5)} ms, 95 % ${of(times, 0.95)} ms, most ${of(times, 1)} ms of ${times.length} frames`);
}
await cdp.send("Emulation.setCPUThrottlingRate", { rate: 1 });
const seeks = [];
for (let i = 0; i < 50; i++) {
  seeks.push(await page.evaluate(async () => {
    const line = document.querySelector("gh-timeline"), video = document.querySelector("video");
    const t = performance.now();
    const shown = new Promise((done) => {
      const look = () => (document.querySelector(".waiting") || video.readyState < 2 ? setTimeout(look, 4) : done(performance.now() - t));
      setTimeout(look, 4);
    });
    line.dispatchEvent(new CustomEvent("seek", { detail: line.lanes.data.from + Math.random() * 86_000_000 }));
    return shown;
  }));
}
console.log(`seek: median ${of(seeks, 0.5)} ms, 95 % ${of(seeks, 0.95)} ms of ${seeks.length}`);
await browser.close();
stopHomes();

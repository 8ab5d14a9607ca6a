// What a camera sends now by HLS: with low latency, part by part, where a
// connection to the hub is free to wait on, else by whole media segments.
import { playHLS, unplayable } from "./hls.mjs";
/** @import { Fault, Player } from "../vendor/hls.light.min.mjs" */

/** @typedef {import("./live-whep.mjs").Why} Why */

const look = 500;
const tooLate = 6; // seconds behind where a player should be: it jumps
const begin = 12; // s to the first picture, in which a key frame must come

// Of six connections over HTTP/1.1 the page's events take one, and a player that
// waits for the next part one or two. Over HTTP/2 there is no such limit.
const spare = 2;
let low = 0;

function free() {
  const page = /** @type {PerformanceNavigationTiming | undefined} */ (performance.getEntriesByType("navigation")[0]);
  return low < spare || /^h[23]/.test(page?.nextHopProtocol ?? "");
}

/** Whether it is played with low latency, or with that of media segments. @typedef {"near" | "late"} Kind */

/**
 * Shows a stream, see playWHEP.
 * @param {HTMLVideoElement} video
 * @param {string} url
 * @param {{ frame: (kind: Kind) => void, ended: (why: Why) => void, patience: number }} how
 * @returns {() => void}
 */
export function playLive(video, url, how) {
  const lowLatencyMode = free();
  let over = false, frames = -1, seen = Date.now() + begin * 1000 - how.patience;
  /** @type {Player | undefined} */ let hls;
  if (lowLatencyMode) low++;

  const end = () => {
    if (over) return;
    over = true;
    clearInterval(watch);
    video.removeEventListener("playing", first);
    release();
    if (lowLatencyMode) low--;
  };
  /** @param {Why} why */
  const ended = (why) => {
    if (over) return;
    how.ended(why); // the last picture is still there for whoever keeps it
    end();
  };
  const first = () => !over && how.frame(lowLatencyMode && hls?.latestLevelDetails?.partList ? "near" : "late");
  video.addEventListener("playing", first, { once: true });
  const watch = setInterval(() => {
    const n = video.getVideoPlaybackQuality().totalVideoFrames;
    if (n && n !== frames) [frames, seen] = [n, Math.max(seen, Date.now())];
    else if (Date.now() - seen > how.patience) ended("silent");
    const edge = hls?.liveSyncPosition;
    if (edge && hls?.targetLatency && hls.latency > hls.targetLatency + (lowLatencyMode ? tooLate : 3 * tooLate)) video.currentTime = edge;
  }, look);
  const release = playHLS(video, url, {
    options: {
      lowLatencyMode, backBufferLength: 10, startPosition: -1, maxLiveSyncPlaybackRate: 1.25,
      ...(lowLatencyMode ? {} : { liveSyncDurationCount: 2 }),
    },
    ready: (player) => {
      hls = player;
      video.play().catch(() => {});
    },
    failed: (error) => ended(reason(error)),
  });
  return end;
}

/** @param {Fault | undefined} error of hls.js @returns {Why} */
function reason(error) {
  if (unplayable(error)) return "codec";
  return /** @type {Record<number, Why>} */ ({ 401: "login", 404: "told", 406: "codec", 409: "away" })[error?.response?.code ?? 0] ?? "silent";
}

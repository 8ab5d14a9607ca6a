/** @import { Fault, Player } from "../vendor/hls.light.min.mjs" */
/** @typedef {{ options: object, ready: (hls?: Player) => void, failed: (error?: Fault) => void }} How */

/**
 * Plays HLS in a video element. `ready` is called when there is something to
 * play, with hls.js's player if that plays it, `failed` at most once, when there
 * is nothing more to hope for, with what hls.js says of it. It returns what ends
 * it.
 * @param {HTMLVideoElement} video
 * @param {string} src
 * @param {How} how options are hls.js's
 * @returns {() => void}
 */
export function playHLS(video, src, how) {
  let over = false;
  let release = () => {};
  /** @param {Fault} [error] */
  const failed = (error) => {
    if (over) return;
    end();
    how.failed(error);
  };
  const end = () => {
    over = true;
    release();
  };
  import("../vendor/hls.light.min.mjs").then(({ default: Hls }) => {
    if (over) return;
    // Ask Media Source first: Chromium answers "maybe" to native HLS and then fails.
    if (Hls.isSupported()) release = attach(Hls, video, src, { ...how, failed });
    else if (video.canPlayType("application/vnd.apple.mpegurl")) release = native(video, src, { ...how, failed });
    else failed();
  }, () => failed());
  return end;
}

/** Whether an error of hls.js is that the browser lacks the codec. @param {Fault} [error] */
export const unplayable = (error) => /codec/i.test(error?.details ?? "");

/**
 * @param {typeof Player} Hls @param {HTMLVideoElement} video @param {string} src
 * @param {How} how
 */
function attach(Hls, video, src, how) {
  let mended = 0;
  const hls = new Hls({
    enableWorker: false, // fragments are MP4 already; a worker would need its own policy
    ...how.options,
  });
  hls.on(Hls.Events.MANIFEST_PARSED, () => how.ready(hls));
  hls.on(Hls.Events.ERROR, (_, data) => {
    if (!data.fatal) return;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !unplayable(data) && mended++ < 2) hls.recoverMediaError();
    else how.failed(data);
  });
  hls.attachMedia(video);
  hls.loadSource(src);
  return () => hls.destroy();
}

/**
 * @param {HTMLVideoElement} video @param {string} src
 * @param {How} how
 */
function native(video, src, how) {
  const failed = () => how.failed(), ready = () => how.ready();
  video.addEventListener("error", failed);
  video.addEventListener("loadedmetadata", ready);
  video.src = src;
  return () => {
    video.removeEventListener("error", failed);
    video.removeEventListener("loadedmetadata", ready);
    video.removeAttribute("src");
    video.load();
  };
}

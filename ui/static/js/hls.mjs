/**
 * Plays HLS in a video element. `ready` is called when there is something to
 * play, `failed` at most once, when there is nothing more to hope for. It
 * returns what ends it.
 * @param {HTMLVideoElement} video
 * @param {string} src
 * @param {{ options: object, ready: () => void, failed: () => void }} how options are hls.js's
 * @returns {() => void}
 */
export function playHLS(video, src, how) {
  let over = false;
  let release = () => {};
  const failed = () => {
    if (over) return;
    end();
    how.failed();
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
  }, failed);
  return end;
}

/**
 * @param {any} Hls @param {HTMLVideoElement} video @param {string} src
 * @param {{ options: object, ready: () => void, failed: () => void }} how
 */
function attach(Hls, video, src, how) {
  let mended = 0;
  const hls = new Hls({
    enableWorker: false, // fragments are MP4 already; a worker would need its own policy
    ...how.options,
  });
  hls.on(Hls.Events.MANIFEST_PARSED, how.ready);
  hls.on(Hls.Events.ERROR, (/** @type {string} */ _, /** @type {any} */ data) => {
    if (!data.fatal) return;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && mended++ < 2) hls.recoverMediaError();
    else how.failed();
  });
  hls.attachMedia(video);
  hls.loadSource(src);
  return () => hls.destroy();
}

/**
 * @param {HTMLVideoElement} video @param {string} src
 * @param {{ ready: () => void, failed: () => void }} how
 */
function native(video, src, how) {
  video.addEventListener("error", how.failed);
  video.addEventListener("loadedmetadata", how.ready);
  video.src = src;
  return () => {
    video.removeEventListener("error", how.failed);
    video.removeEventListener("loadedmetadata", how.ready);
    video.removeAttribute("src");
    video.load();
  };
}

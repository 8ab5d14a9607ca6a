// One camera's recording in a <video>: any moment of any day by its wall clock.
// The hub lists a few minutes around a moment as HLS; what is missing in
// between does not exist in the video's own time, so every question here is in
// Unix milliseconds and is answered from the list.
/** @import { Fault, Fragment, Player } from "../vendor/hls.light.min.mjs" */

const before = 60_000; // what is listed before a moment, and after it
const after = 10 * 60_000;
const near = 0.25; // seconds before a file that went, of which no picture may come
const longest = 5000; // ms to the next try, while nothing answers

export class Recorded {
  /** @type {Player | undefined} */ #hls;
  /** @type {Fragment[]} */ #pieces = [];
  #load = 0; // counts, so that a late answer is known as such
  #failures = 0;
  #gone = "";
  /** @type {number | undefined} */ #rest; // until what comes before a file that went was seen
  /** @type {"main" | "sub"} */ stream = "main";
  /** The moment that was asked for, until its picture is there. @type {number | undefined} */ wanted;

  /**
   * @param {HTMLElement} figure holds the <video>; data-media is the camera's address
   * @param {{ ready: () => void, ended: (at: number) => void, nothing: (at: number) => void, failed: () => void, lost: () => void, lesser: () => void }} tell
   */
  constructor(figure, tell) {
    this.figure = figure;
    this.tell = tell;
    this.video = /** @type {HTMLVideoElement} */ (figure.querySelector("video"));
    this.video.addEventListener("seeked", () => this.#arrived());
    this.video.addEventListener("loadeddata", () => this.#arrived());
    this.video.addEventListener("ended", () => {
      const last = this.#pieces.at(-1);
      if (last) this.tell.ended(/** @type {number} */ (last.programDateTime) + last.duration * 1000 + 1);
    });
  }

  #arrived() {
    if (this.video.readyState < 2 || this.video.seeking) return;
    this.wanted = undefined;
    this.#failures = 0;
    this.figure.classList.remove("waiting");
    this.tell.ready();
  }

  /** The moment that is shown. */
  get at() {
    if (this.wanted !== undefined) return this.wanted;
    const t = this.video.currentTime;
    const p = this.#pieces.findLast((p) => p.start <= t + 0.001) ?? this.#pieces[0];
    return p ? /** @type {number} */ (p.programDateTime) + Math.min(Math.max(t - p.start, 0), p.duration) * 1000 : undefined;
  }

  /** Where a moment is in the video's time; undefined if it is not listed. @param {number} ms */
  #place(ms) {
    const pieces = this.#pieces;
    const end = pieces.length && /** @type {number} */ (pieces[pieces.length - 1].programDateTime) + pieces[pieces.length - 1].duration * 1000;
    if (!pieces.length || ms < /** @type {number} */ (pieces[0].programDateTime) || ms >= end) return undefined;
    const i = pieces.findLastIndex((p) => /** @type {number} */ (p.programDateTime) <= ms);
    const into = (ms - /** @type {number} */ (pieces[i].programDateTime)) / 1000;
    if (into < pieces[i].duration) return pieces[i].start + into;
    return pieces[i + 1]?.start;
  }

  /** Goes to a moment; where nothing is recorded, to the next that is listed. @param {number} ms */
  seek(ms) {
    const place = this.#place(ms);
    if (place === undefined) return void this.#open(ms);
    this.wanted = ms;
    this.figure.classList.add("waiting");
    this.#load++;
    if (Math.abs(this.video.currentTime - place) < 0.001 && this.video.readyState >= 2) this.#arrived();
    else this.video.currentTime = place;
  }

  /** @param {number} ms */
  async #open(ms) {
    const load = ++this.#load;
    this.wanted = ms;
    this.figure.classList.add("waiting");
    const { default: Hls } = await import("../vendor/hls.light.min.mjs");
    if (load !== this.#load) return;
    if (!Hls.isSupported()) return this.tell.failed();
    const paused = this.video.paused, rate = this.video.playbackRate; // before the film in hand stops it
    this.#hls?.destroy();
    this.#pieces = [];
    const hls = this.#hls = new Hls({
      enableWorker: false, // fragments are MP4 already; a worker would need its own policy
      lowLatencyMode: false, backBufferLength: 60, maxBufferLength: 20, autoStartLoad: false, startFragPrefetch: true,
    });
    hls.on(Hls.Events.LEVEL_LOADED, (_, data) => {
      this.#pieces = data.details.fragments;
      hls.startLoad(this.#place(ms) ?? this.#pieces[0]?.start ?? 0);
    });
    hls.on(Hls.Events.ERROR, (_, data) => this.#fault(Hls, hls, data, ms));
    const iso = (/** @type {number} */ t) => new Date(t).toISOString();
    hls.loadSource(`${this.figure.dataset.media}${this.stream}/vod.m3u8?from=${iso(ms - before)}&to=${iso(ms + after)}`);
    hls.attachMedia(this.video);
    this.video.defaultPlaybackRate = this.video.playbackRate = rate;
    if (!paused) this.video.play().catch(() => {});
  }

  /** @param {typeof Player} Hls @param {Player} hls @param {Fault} data @param {number} ms */
  #fault(Hls, hls, data, ms) {
    const codec = /codec/i.test(data.details);
    const code = data.response?.code ?? 0, missing = code === 404;
    if (hls !== this.#hls) return;
    if (missing && data.frag) return this.#miss(hls, data.frag, ms); // hls.js would ask for half a minute
    if (!data.fatal && !codec) return;
    const silent = data.type === Hls.ErrorTypes.NETWORK_ERROR && (code === 0 || code >= 500) && !/pars/i.test(data.details);
    this.#failures++;
    if ((codec || code === 415) && this.stream === "main") {
      this.stream = "sub"; // this browser lacks the format, and the smaller picture has another
      this.tell.lesser();
      this.#open(ms);
    } else if (missing) {
      this.#close();
      this.tell.nothing(ms);
    } else if (code === 401) {
      location.reload(); // the session ended: the server sends us to log-in
    } else if (silent || this.#failures < 4 && !codec) {
      if (this.#failures > 3) this.tell.lost();
      const at = this.at ?? ms;
      setTimeout(() => hls === this.#hls && this.#open(at), Math.min(500 * this.#failures, longest));
    } else {
      this.#close();
      this.tell.failed();
    }
  }

  /** A file went: what comes before it is played first. @param {Player} hls @param {Fragment} frag @param {number} ms */
  #miss(hls, frag, ms) {
    clearTimeout(this.#rest);
    if (hls !== this.#hls) return;
    const t = this.wanted === undefined ? this.video.currentTime : this.#place(this.wanted) ?? frag.start;
    if (t >= frag.start + frag.duration) return; // somebody went past it
    if (t < frag.start - near) this.#rest = setTimeout(() => this.#miss(hls, frag, ms), 100);
    else this.#skip(frag, ms);
  }

  /** A file went while it was played: asks anew, and if it is still listed, goes on behind it. @param {Fragment} frag @param {number} ms */
  #skip(frag, ms) {
    const file = String(frag.relurl ?? frag.url);
    const rest = this.#pieces.filter((p) => /** @type {number} */ (p.programDateTime) > /** @type {number} */ (frag.programDateTime) && p.relurl !== frag.relurl);
    const next = this.#gone === file && rest[0]?.programDateTime;
    this.#gone = file;
    this.#open(next || frag.programDateTime || ms);
  }

  #close() {
    this.#hls?.destroy();
    this.#hls = undefined;
    this.#pieces = [];
    this.wanted = undefined;
    this.figure.classList.remove("waiting");
  }

  /** Stops and shows nothing, for as long as nothing is recorded. */
  blank() {
    this.#load++;
    this.#close();
    this.video.pause();
  }
}

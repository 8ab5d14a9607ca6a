import { playLive } from "./live-hls.mjs";
import { playWHEP } from "./live-whep.mjs";
import { SoundButton } from "./live-sound.mjs";
import { say } from "./mode.mjs";

const stillEvery = 2000;
const firstFrame = 3000; // a way that shows nothing by then is left
const steady = 5000; // a picture that lasted so long is worth the same way again
const longestWait = 15_000;
const stillsFor = 30_000; // until a better way is tried again
const unplayableFor = 600_000; // the same of a camera whose codec the browser lacks
const upAfter = 15_000; // of HLS, until WebRTC is tried behind it; longer each time
const upMost = 300_000;
const maxPeers = 16; // of one page; a screen with more shows the rest by HLS
const settle = 150; // a tile that is only scrolled past starts nothing

/** Peers of this page. */
let peers = 0;

/** @typedef {{kind: "whep" | "hls" | "still", stream: string}} Way */

/**
 * A camera now: by WebRTC, else by HLS, else a still every two seconds, each of
 * the streams that its attribute names, best first. A better way is tried again
 * from time to time, behind the picture that is shown. It stops when it is out of
 * view or the page is hidden, and goes on by itself when the camera is back.
 */
export class Live {
  /** @type {HTMLElement} */ #player;
  /** @type {HTMLVideoElement} */ #video;
  /** @type {IntersectionObserver} */ #watch;
  /** @type {MutationObserver | undefined} */ #told;
  /** @type {SoundButton} */ #sound;
  /** @type {(() => void) | undefined} */ #release;
  /** @type {number | undefined} */ #still;
  /** @type {number | undefined} */ #timer;
  /** @type {number | undefined} */ #soon;
  /** @type {Way[]} */ #ways = [];
  #at = 0;
  #began = 0; // of the picture; 0 without one
  #lost = 0; // since when there is none though there was one
  #tries = 0;
  #phase = "";
  /** For their codec, or because they end at once. @type {Set<Way>} */ #refused = new Set();
  /** @type {(() => void) | undefined} */ #probe;
  /** @type {number | undefined} */ #up;
  #inView = false;
  #running = false;

  /** @param {HTMLElement} player */
  constructor(player) {
    this.#player = player;
    this.#video = /** @type {HTMLVideoElement} */ (player.querySelector("video"));
    this.#sound = new SoundButton(player, this.#video, () => this.#forSound());
    document.addEventListener("visibilitychange", this.#update);
    addEventListener("pagehide", this.#leave);
    addEventListener("pageshow", this.#update);
    const state = this.#state;
    if (state) {
      this.#told = new MutationObserver(this.#hear);
      this.#told.observe(state, { attributes: true, attributeFilter: ["class"] });
    }
    this.#phase = this.#camera();
    let seen = false;
    this.#watch = new IntersectionObserver((list) => {
      this.#inView = list[list.length - 1].isIntersecting;
      clearTimeout(this.#soon);
      if (!seen || !this.#inView) this.#update();
      else this.#soon = setTimeout(this.#update, settle);
      seen = true;
    });
    this.#watch.observe(player);
  }

  end() {
    document.removeEventListener("visibilitychange", this.#update);
    removeEventListener("pagehide", this.#leave);
    removeEventListener("pageshow", this.#update);
    clearTimeout(this.#soon);
    this.#watch.disconnect();
    this.#told?.disconnect();
    this.#stop();
    this.#sound.end();
  }

  get #state() { return this.#player.closest(".tile")?.querySelector(".tile-state"); }

  /** What the hub says of the camera: live, connecting, offline or off. */
  #camera() {
    return this.#state?.className.match(/phase-(\w+)/)?.[1] ?? "live";
  }

  #hear = () => {
    const before = this.#phase;
    this.#phase = this.#camera();
    if (!this.#running || before === this.#phase) return;
    if (this.#phase === "live" && !this.#began) {
      this.#tries = 0;
      this.#again(0);
    } else if (this.#phase !== "live" && !this.#began) this.#again();
  };

  #update = () => {
    const want = this.#inView && !document.hidden;
    if (want && !this.#running) {
      this.#running = true;
      this.#lost = this.#tries = 0;
      this.#start();
    }
    if (!want && this.#running) this.#stop();
  };

  #leave = () => this.#stop();

  #start() {
    const whep = this.#player.hasAttribute("whep") && "RTCPeerConnection" in window;
    const streams = (this.#player.getAttribute("streams") ?? "main").split(" ");
    this.#ways = [
      ...(whep ? streams.map((stream) => /** @type {Way} */ ({ kind: "whep", stream })) : []),
      ...streams.map((stream) => /** @type {Way} */ ({ kind: "hls", stream })),
      { kind: "still", stream: "" },
    ];
    this.#refused.clear();
    this.#go(0);
  }

  /** Takes a way, and leaves the one before. @param {number} at */
  #go(at) {
    this.#let();
    clearTimeout(this.#timer);
    if (this.#phase !== "live") {
      this.#again();
      return;
    }
    this.#at = at;
    const way = this.#ways[at];
    if (!this.#lost) this.#mode("connecting");
    if (way.kind === "whep") this.#whep(way);
    else if (way.kind === "hls") this.#hls(way);
    else {
      const unplayable = this.#ways.every((w) => w.kind !== "hls" || this.#refused.has(w));
      this.#mode(unplayable ? "unplayable" : "still");
      this.#stills();
      this.#timer = setTimeout(() => this.#start(), unplayable ? unplayableFor : stillsFor);
    }
  }

  /** Goes on with the next way of a kind other than this. @param {string} [kind] */
  #next(kind) {
    let at = this.#at + 1;
    while (this.#ways[at].kind === kind) at++;
    this.#go(at);
  }

  /** @param {Way} way */
  #whep(way) {
    if (peers >= maxPeers) {
      this.#next("whep");
      return;
    }
    peers++;
    const end = playWHEP(this.#video, `${this.#player.getAttribute("base")}/${way.stream}/whep`, {
      frame: () => this.#shown("live"),
      sound: (has) => this.#sound.offer(has),
      ended: (why) => this.#ended(why),
      patience: firstFrame,
    });
    this.#release = () => { peers--; end(); };
  }

  /** @param {import("./live-whep.mjs").Why} why */
  #ended(why) {
    const lasted = this.#began && Date.now() - this.#began;
    const way = this.#ways[this.#at];
    // Pictures in another order than they are shown in are no way for WebRTC: the hub ends it.
    const again = why === "told" && (way.kind === "hls" || lasted > steady);
    if (why === "codec" || why === "told" && !again) this.#refused.add(way);
    if (why === "login") location.reload(); // the server sends us to log-in
    else if (why === "away") this.#again();
    else if (again || why === "silent" && lasted > steady) this.#again(lasted > steady ? 0 : undefined);
    else this.#next(why === "codec" || way.kind !== "whep" ? undefined : "whep");
  }

  /** @param {Way} way */
  #hls(way) {
    this.#release = playLive(this.#video, `${this.#player.getAttribute("base")}/${way.stream}/live.m3u8`, {
      frame: (kind) => {
        this.#shown(kind);
        this.#lookUp(upAfter);
      },
      ended: (why) => this.#ended(why),
      patience: 2 * firstFrame,
    });
    this.#sound.offer(true);
  }

  /** Tries WebRTC behind the picture of HLS, and goes over to it. @param {number} after in ms */
  #lookUp(after) {
    const at = this.#ways.findIndex((w) => w.kind === "whep" && !this.#refused.has(w));
    clearTimeout(this.#up);
    if (at < 0 || peers >= maxPeers) return;
    const later = () => this.#lookUp(Math.min(2 * after, upMost));
    this.#up = setTimeout(() => {
      if (this.#sound.heard) {
        later();
        return;
      }
      const video = document.createElement("video");
      video.muted = video.playsInline = true;
      this.#probe = playWHEP(video, `${this.#player.getAttribute("base")}/${this.#ways[at].stream}/whep`, {
        frame: () => this.#go(at),
        sound: () => {},
        ended: later,
        patience: firstFrame,
      });
    }, after);
  }

  /** There is a moving picture. @param {"live" | import("./live-hls.mjs").Kind} mode */
  #shown(mode) {
    if (!this.#running) return;
    this.#began ||= Date.now();
    this.#lost = this.#tries = 0;
    this.#mode(mode);
    this.#player.querySelector("canvas")?.remove();
    const first = this.#ways[0].stream;
    this.#player.toggleAttribute("small", first === "main" && this.#ways[this.#at].stream !== first);
  }

  /** Waits, longer each time, and begins anew. @param {number} [wait] in ms */
  #again(wait) {
    this.#let();
    clearTimeout(this.#timer);
    this.#lost ||= Date.now();
    const away = this.#phase === "offline" || this.#phase === "off";
    this.#mode(away ? "away" : "again");
    if (!away) this.#stills();
    wait ??= Math.min(1000 * 2 ** this.#tries++, longestWait) * (0.75 + Math.random() / 2);
    if (this.#phase === "live" || this.#phase === "connecting") {
      this.#timer = setTimeout(() => this.#start(), wait);
    } // else #hear goes on
  }

  /** Sound that WebRTC does not carry comes by HLS. */
  #forSound() {
    const at = this.#ways.findIndex((w) => w.kind === "hls");
    if (this.#running && this.#ways[this.#at]?.kind !== "hls" && at >= 0) this.#go(at);
  }

  /** @param {string} mode */
  #mode(mode) {
    clearInterval(this.#still);
    say(this.#player, mode, this.#lost);
  }

  #stills() {
    this.#picture();
    this.#still = setInterval(() => this.#picture(), stillEvery);
  }

  #picture() {
    const img = this.#player.querySelector("img");
    const src = this.#player.getAttribute("still");
    if (!img || !src || !img.complete) return;
    img.onload = () => this.#player.querySelector("canvas")?.remove();
    img.src = `${src}?n=${Date.now()}`;
  }

  #stop() {
    this.#running = false;
    clearTimeout(this.#timer);
    clearInterval(this.#still);
    this.#let();
    this.#sound.off();
    this.#player.removeAttribute("mode");
  }

  /** Lets go of the way in hand; its last picture stays. */
  #let() {
    const video = this.#video;
    if (this.#began && video.videoWidth) {
      const last = this.#player.querySelector("canvas") ?? document.createElement("canvas");
      last.width = video.videoWidth;
      last.height = video.videoHeight;
      last.getContext("2d")?.drawImage(video, 0, 0);
      video.before(last);
    }
    this.#began = 0;
    clearTimeout(this.#up);
    const [release, probe] = [this.#release, this.#probe];
    this.#release = this.#probe = undefined;
    release?.();
    probe?.();
    this.#player.removeAttribute("small");
  }
}

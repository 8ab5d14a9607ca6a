import { playHLS } from "./hls.mjs";
import { say } from "./mode.mjs";

const stillEvery = 2000;
const retryAfter = 30_000;

/**
 * A camera now. Without a moving picture it shows a still every two seconds and
 * tries again; it stops when it is out of view or the page is hidden.
 */
export class Live {
  /** @type {HTMLElement} */ #player;
  /** @type {HTMLVideoElement} */ #video;
  /** @type {IntersectionObserver} */ #watch;
  /** @type {(() => void) | undefined} */ #release;
  /** @type {number | undefined} */ #still;
  /** @type {number | undefined} */ #retry;
  #inView = false;
  #running = false;

  /** @param {HTMLElement} player */
  constructor(player) {
    this.#player = player;
    this.#video = /** @type {HTMLVideoElement} */ (player.querySelector("video"));
    this.#video.addEventListener("playing", this.#playing);
    document.addEventListener("visibilitychange", this.#update);
    this.#watch = new IntersectionObserver(([e]) => {
      this.#inView = e.isIntersecting;
      this.#update();
    }, { rootMargin: "200px" });
    this.#watch.observe(player);
  }

  end() {
    this.#video.removeEventListener("playing", this.#playing);
    document.removeEventListener("visibilitychange", this.#update);
    this.#watch.disconnect();
    this.#stop();
  }

  #playing = () => this.#mode("live");

  #update = () => {
    const want = this.#inView && !document.hidden;
    if (want && !this.#running) this.#start();
    if (!want && this.#running) this.#stop();
  };

  /** @param {"live" | "still" | "connecting"} mode */
  #mode(mode) {
    say(this.#player, mode);
    clearInterval(this.#still);
    if (mode !== "live") this.#still = setInterval(() => this.#picture(), stillEvery);
  }

  #picture() {
    const img = this.#player.querySelector("img");
    const src = this.#player.getAttribute("still");
    if (img && src && img.complete) img.src = `${src}?n=${Date.now()}`;
  }

  #start() {
    this.#running = true;
    this.#mode("connecting");
    this.#release = playHLS(this.#video, this.#player.getAttribute("src") ?? "", {
      options: {
        lowLatencyMode: false, liveSyncDurationCount: 2, liveMaxLatencyDurationCount: 6,
        backBufferLength: 30, startPosition: -1,
      },
      ready: () => { this.#video.play().catch(() => this.#giveUp()); },
      failed: () => this.#giveUp(),
    });
  }

  /** Shows stills for a while, then tries again. */
  #giveUp() {
    if (!this.#running) return;
    this.#release?.();
    this.#mode("still");
    this.#picture();
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#running && this.#start(), retryAfter);
  }

  #stop() {
    this.#running = false;
    clearInterval(this.#still);
    clearTimeout(this.#retry);
    this.#release?.();
    this.#player.removeAttribute("mode");
  }
}

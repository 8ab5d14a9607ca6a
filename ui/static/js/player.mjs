// <gh-player src still? live?>: HLS in a <video>. A live player that has no
// moving picture shows a still every two seconds and tries again; it stops
// when it is out of view or the page is hidden.

const stillEvery = 2000;
const retryAfter = 30_000;

export class Player extends HTMLElement {
  /** @type {any} */ #hls;
  /** @type {IntersectionObserver | undefined} */ #watch;
  /** @type {number | undefined} */ #still;
  /** @type {number | undefined} */ #retry;
  #inView = false;
  #running = false;
  #mended = 0;

  get #video() { return /** @type {HTMLVideoElement | null} */ (this.querySelector("video")); }
  get #live() { return this.hasAttribute("live"); }

  connectedCallback() {
    if (!this.#video || !this.getAttribute("src")) return;
    if (!this.#live) {
      this.#start();
      return;
    }
    this.#video.addEventListener("playing", () => this.#mode("live"));
    document.addEventListener("visibilitychange", this.#update);
    this.#watch = new IntersectionObserver(([e]) => {
      this.#inView = e.isIntersecting;
      this.#update();
    }, { rootMargin: "200px" });
    this.#watch.observe(this);
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#update);
    this.#watch?.disconnect();
    this.#stop();
  }

  #update = () => {
    const want = this.#inView && !document.hidden;
    if (want && !this.#running) this.#start();
    if (!want && this.#running) this.#stop();
  };

  /** @param {"live" | "still" | "connecting"} mode */
  #mode(mode) {
    this.setAttribute("mode", mode);
    const line = this.querySelector(".mode");
    const text = line?.querySelector("span");
    if (line instanceof HTMLElement && text) text.textContent = line.dataset[mode] ?? "";
    clearInterval(this.#still);
    if (mode !== "live" && this.#live) this.#still = setInterval(() => this.#picture(), stillEvery);
  }

  #picture() {
    const img = this.querySelector("img");
    const src = this.getAttribute("still");
    if (img && src && img.complete) img.src = `${src}?n=${Date.now()}`;
  }

  async #start() {
    this.#running = true;
    this.#mended = 0;
    this.#mode("connecting");
    const video = this.#video;
    const src = this.getAttribute("src");
    if (!video || !src) return;
    const { default: Hls } = await import("../vendor/hls.light.min.mjs");
    if (!this.#running || this.#hls) return;
    // Ask Media Source first: Chromium answers "maybe" to native HLS and then fails.
    if (Hls.isSupported()) {
      this.#attach(Hls, video, src);
    } else if (video.canPlayType("application/vnd.apple.mpegurl")) {
      video.src = src;
      video.addEventListener("error", () => this.#giveUp(), { once: true });
      video.addEventListener("loadedmetadata", () => this.#ready(), { once: true });
    } else {
      this.#mode("still");
    }
  }

  /** @param {any} Hls @param {HTMLVideoElement} video @param {string} src */
  #attach(Hls, video, src) {
    const hls = new Hls({
      enableWorker: false, // fragments are MP4 already; a worker would need its own policy
      lowLatencyMode: false,
      liveSyncDurationCount: 2,
      liveMaxLatencyDurationCount: 6,
      backBufferLength: 30,
      startPosition: this.#live ? -1 : 0,
    });
    this.#hls = hls;
    hls.on(Hls.Events.MANIFEST_PARSED, () => this.#ready());
    hls.on(Hls.Events.ERROR, (/** @type {string} */ _, /** @type {any} */ data) => {
      if (!data.fatal) return;
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR && this.#mended++ < 2) hls.recoverMediaError();
      else this.#giveUp();
    });
    hls.attachMedia(video);
    hls.loadSource(src);
  }

  #ready() {
    const video = this.#video;
    if (!video) return;
    if (this.#live) video.play().catch(() => this.#giveUp());
    else this.#mode("live");
  }

  /** Shows stills for a while, then tries again. */
  #giveUp() {
    this.#release();
    this.#mode("still");
    clearTimeout(this.#retry);
    if (this.#live) {
      this.#picture();
      this.#retry = setTimeout(() => this.#running && this.#start(), retryAfter);
    }
  }

  #stop() {
    this.#running = false;
    clearInterval(this.#still);
    clearTimeout(this.#retry);
    this.#release();
    this.removeAttribute("mode");
  }

  #release() {
    this.#hls?.destroy();
    this.#hls = undefined;
    const video = this.#video;
    if (video?.hasAttribute("src")) {
      video.removeAttribute("src");
      video.load();
    }
  }
}

// <gh-watch>: the timeline page's player. One clock, up to four cameras, one
// set of keys. Without scripts the page has links, forms and a plain video.
import { clock, field, fromField, length, stamp } from "./clock.mjs";
import { Lanes } from "./lanes.mjs";
import { Recorded } from "./recorded.mjs";
import { Strip } from "./strip.mjs";
/** @import { Timeline } from "./timeline.mjs" */

const speeds = [0.5, 1, 2, 4, 8];
const fresh = 10_000; // how often today is asked for again

/** One camera of the player. @typedef {{ figure: HTMLElement, film: Recorded, strip: Strip, lanes?: Lanes, hole: boolean }} Screen */

export class Watch extends HTMLElement {
  /** @type {Screen[]} */ #screens = [];
  /** @type {Timeline} */ #line;
  #at = 0;
  #playing = false;
  #dragging = false;
  #frame = 1 / 15; // seconds that a picture lasts
  #saved = 0;
  #turn = 0; // the next look at the film while it plays
  /** @type {number | undefined} */ #again;
  /** @type {number | undefined} */ #signs;

  connectedCallback() {
    const line = /** @type {Timeline | null} */ (this.querySelector("gh-timeline"));
    if (!line || !this.querySelector("figure[data-media]")) return;
    this.#line = line;
    this.#screens = [...this.querySelectorAll("figure[data-media]")].map((figure, i) => this.#screen(/** @type {HTMLElement} */ (figure), i));
    for (const part of this.querySelectorAll("[data-script]")) part.removeAttribute("hidden");
    for (const part of this.querySelectorAll("[data-plain]")) part.setAttribute("hidden", "");
    line.addEventListener("scrub", (e) => this.#scrub(/** @type {CustomEvent} */ (e).detail));
    line.addEventListener("seek", (e) => this.#release(/** @type {CustomEvent} */ (e).detail));
    document.addEventListener("keydown", this.#key);
    this.addEventListener("click", (e) => {
      const b = e.target instanceof Element ? e.target.closest("[data-do]") : null;
      if (b instanceof HTMLElement) this.#do(b.dataset.do ?? "", e);
    });
    this.querySelector("select[name=speed]")?.addEventListener("change", (e) => this.#speed(Number(/** @type {HTMLSelectElement} */ (e.target).value)));
    this.#form()?.addEventListener("input", () => this.#typed());
    this.#begin();
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.#key);
    clearInterval(this.#again);
    for (const s of this.#screens) s.film.blank();
  }

  /** @param {HTMLElement} figure @param {number} i @returns {Screen} */
  #screen(figure, i) {
    const video = /** @type {HTMLVideoElement} */ (figure.querySelector("video"));
    video.removeAttribute("controls");
    video.removeAttribute("src");
    video.muted = true;
    video.load();
    const screen = /** @type {Screen} */ ({ figure, strip: new Strip(figure), hole: false });
    screen.film = new Recorded(figure, {
      ready: () => {
        if (!this.#dragging) screen.strip.hide();
        this.#say(screen, screen.film.stream === "sub" ? this.dataset.lesser : "");
        this.#tick();
      },
      ended: (at) => i === 0 && this.#onward(at),
      nothing: (at) => i === 0 && this.#onward(at + 60_000), // it was there when the lanes were told: a file went
      failed: () => this.#say(screen, this.dataset.failed),
      lost: () => this.#say(screen, this.dataset.lostHub),
      lesser: () => this.#say(screen, this.dataset.lesser),
    });
    video.addEventListener("pause", () => i === 0 && !video.ended && !video.seeking && this.#playing && screen.film.wanted === undefined && this.#play(false));
    if (i === 0 && "requestVideoFrameCallback" in video) this.#measure(video, 0);
    return screen;
  }

  /** Learns how long a picture lasts from those that are shown. @param {HTMLVideoElement} video @param {number} last */
  #measure(video, last) {
    video.requestVideoFrameCallback((_, frame) => {
      const d = frame.mediaTime - last;
      if (video.playbackRate === 1 && d > 0.005 && d < 0.5) this.#frame = d;
      this.#measure(video, frame.mediaTime);
    });
  }

  async #begin() {
    const lanes = await Promise.all(this.#screens.map((s) => this.#ask(s)));
    lanes.forEach((l, i) => { this.#screens[i].lanes = l; });
    const first = lanes[0];
    if (!first) return;
    const at = Number(this.dataset.at), a = Number(this.dataset.in), b = Number(this.dataset.out);
    this.#line.show(first);
    if (a && b) this.#line.marks = { in: a, out: b };
    this.#marked();
    this.#line.at = this.#at = at || first.data.from;
    if (at) this.#go(at);
    if (location.hash === "#play") this.#play(true);
    this.#again = setInterval(() => this.#refresh(), fresh);
  }

  /** @param {Screen} s @returns {Promise<Lanes | undefined>} */
  async #ask(s) {
    try {
      const answer = await fetch(`${s.figure.dataset.lanes}?day=${this.dataset.day}`, { cache: "no-store" });
      if (answer.status === 401) location.reload();
      return answer.ok ? new Lanes(await answer.json()) : s.lanes;
    } catch {
      return s.lanes; // the next time may do
    }
  }

  /** Today grows while it is looked at. */
  async #refresh() {
    const lanes = this.#screens[0].lanes;
    if (document.hidden || !lanes || lanes.data.now >= lanes.data.to) return;
    for (const s of this.#screens) s.lanes = await this.#ask(s);
    if (this.#screens[0].lanes) this.#line.show(this.#screens[0].lanes);
  }

  #loop = () => {
    this.#turn = 0;
    if (!this.isConnected || !this.#playing) return;
    if (!this.#dragging) this.#tick();
    this.#turn ||= requestAnimationFrame(this.#loop);
  };

  /** How many milliseconds the pictures are apart at most. */
  get apart() {
    const all = this.#screens.filter((s) => !s.hole).map((s) => s.film.at ?? 0);
    return Math.max(...all) - Math.min(...all);
  }

  /** Follows the first camera's film: its clock is the page's. */
  #tick() {
    const [first, ...others] = this.#screens;
    const at = first.film.at, lanes = first.lanes;
    if (at === undefined || !lanes || this.#dragging) return;
    const jump = at - this.#at;
    if (this.#playing && first.film.wanted === undefined && jump > 1500 + 500 * first.film.video.playbackRate) this.#sign(this.#at + 500, at);
    this.#at = at;
    if (at >= lanes.data.to) return this.#leave(at);
    this.#line.at = at;
    for (const s of others) this.#follow(s, at);
    this.#show();
  }

  /** Keeps another camera on the same clock. @param {Screen} s @param {number} at */
  #follow(s, at) {
    const hole = !s.lanes?.recorded(at);
    if (hole !== s.hole) {
      s.hole = hole;
      s.figure.classList.toggle("hole", hole);
      if (hole) s.film.blank();
      this.#say(s, hole ? this.#why(s.lanes, at) : "");
    }
    if (hole || s.film.wanted !== undefined) return;
    const apart = (s.film.at ?? 0) - at, base = this.#screens[0].film.video.playbackRate;
    if (Math.abs(apart) > 700) s.film.seek(at);
    else s.film.video.playbackRate = Math.abs(apart) < 60 ? base : base * (apart > 0 ? 0.9 : 1.1);
    if (this.#playing === s.film.video.paused) this.#playing ? s.film.video.play().catch(() => {}) : s.film.video.pause();
  }

  /** @param {Lanes | undefined} lanes @param {number} at */
  #why(lanes, at) {
    const gap = lanes?.gap(at);
    return gap ? `${this.dataset.hole} ${gap.why}` : this.dataset.hole ?? "";
  }

  /** Goes to a moment, or to the footage after it, and says so. @param {number} ms */
  #go(ms) {
    const lanes = this.#screens[0].lanes;
    if (!lanes) return;
    if (!lanes.holds(ms)) return this.#leave(ms);
    let to = ms;
    if (!lanes.recorded(ms)) {
      const next = lanes.footage(ms);
      if (next === undefined) {
        this.#line.at = this.#at = ms;
        this.#screens[0].film.blank();
        this.#say(this.#screens[0], this.#why(lanes, ms));
        return this.#show(true);
      }
      if (next - ms > 1000) this.#sign(ms, next);
      to = next;
    }
    this.#say(this.#screens[0], "");
    this.#line.at = this.#at = to;
    for (const s of this.#screens) {
      s.hole = s !== this.#screens[0] && !s.lanes?.recorded(to);
      s.figure.classList.toggle("hole", s.hole);
      if (!s.hole) s.film.seek(to);
      else {
        s.film.blank();
        this.#say(s, this.#why(s.lanes, to));
      }
    }
    this.#show(true);
  }

  /** The list is over, or nothing is there: what comes after it? @param {number} at */
  async #onward(at) {
    const first = this.#screens[0];
    if (first.lanes && first.lanes.data.now < first.lanes.data.to) await this.#refresh();
    const next = first.lanes?.footage(at);
    if (next !== undefined && first.lanes?.holds(next)) {
      if (next - at > 1500) this.#sign(at, next);
      first.film.seek(next);
      for (const s of this.#screens.slice(1)) this.#follow(s, next);
      if (this.#playing) for (const s of this.#screens) s.film.video.play().catch(() => {});
    } else if (first.lanes && at >= first.lanes.data.now - 30_000) {
      this.#say(first, this.dataset.waiting);
      setTimeout(() => this.#playing && this.#onward(at), 3000);
    } else {
      this.#say(first, this.dataset.over);
      this.#play(false);
    }
  }

  /** Another day is another page. @param {number} ms */
  #leave(ms) {
    const play = this.#playing ? "#play" : "";
    location.assign(`${this.#address(ms)}${play}`);
  }

  /** @param {number} ms */
  #address(ms) {
    const zone = this.#screens[0].lanes?.data.zone ?? [];
    const q = new URLSearchParams({ at: stamp(ms, zone) });
    for (const w of new URLSearchParams(location.search).getAll("with")) q.append("with", w);
    return `${location.pathname}?${q}`;
  }

  /** The sign that time was jumped over. @param {number} from @param {number} to */
  #sign(from, to) {
    const gap = this.#screens[0].lanes?.gap(from);
    const text = (gap ? this.dataset.jumped : this.dataset.skipped) ?? "";
    const sign = this.querySelector(".sign");
    if (!sign) return;
    sign.textContent = text.replace("{long}", length((to - from) / 1000)).replace("{why}", gap?.why ?? "");
    clearTimeout(this.#signs);
    this.#signs = setTimeout(() => { sign.textContent = ""; }, 6000);
  }

  /** @param {Screen} s @param {string | undefined} text */
  #say(s, text) {
    const line = s.figure.querySelector(".mode span");
    if (line && line.textContent !== (text ?? "")) line.textContent = text ?? "";
  }

  /** Writes the clock, and now and then the address. @param {boolean} [settled] */
  #show(settled = false) {
    const zone = this.#screens[0].lanes?.data.zone ?? [];
    const out = this.querySelector(".clock");
    const text = clock(this.#at, zone);
    if (out && out.textContent !== text) out.textContent = text;
    if (!settled && (!this.#playing || performance.now() - this.#saved < 10_000)) return;
    this.#saved = performance.now();
    history.replaceState(null, "", this.#address(this.#at));
    for (const a of document.querySelectorAll("a[data-follow]")) {
      const url = new URL(/** @type {HTMLAnchorElement} */ (a).href);
      url.searchParams.delete("day");
      url.searchParams.set("at", stamp(this.#at, zone));
      /** @type {HTMLAnchorElement} */ (a).href = url.href;
    }
    for (const i of document.querySelectorAll("input[name=at]")) /** @type {HTMLInputElement} */ (i).value = stamp(this.#at, zone);
  }

  /** @param {number} ms */
  #scrub(ms) {
    this.#dragging = true;
    this.#at = ms;
    this.#show();
    for (const s of this.#screens) {
      const there = s.lanes?.recorded(ms);
      this.#say(s, there ? "" : this.#why(s.lanes, ms));
      if (!there) s.strip.hide();
      else if (s.strip.able) s.strip.show(ms);
      else if (s.film.wanted === undefined) s.film.seek(ms);
    }
  }

  /** @param {number} ms */
  #release(ms) {
    this.#dragging = false;
    this.#go(ms);
  }

  /** @param {boolean} on */
  #play(on) {
    this.#playing = on;
    const button = this.querySelector("[data-do=play]");
    button?.setAttribute("aria-pressed", String(on));
    for (const s of this.#screens) {
      if (s.hole) continue;
      on ? s.film.video.play().catch(() => {}) : s.film.video.pause();
    }
    if (!on) this.#show(true);
    else this.#turn ||= requestAnimationFrame(this.#loop);
  }

  /** @param {number} rate */
  #speed(rate) {
    for (const s of this.#screens) s.film.video.playbackRate = s.film.video.defaultPlaybackRate = rate;
    const select = /** @type {HTMLSelectElement | null} */ (this.querySelector("select[name=speed]"));
    if (select) select.value = String(rate);
  }

  /** @param {1 | -1} way */
  #step(way) {
    this.#play(false);
    for (const s of this.#screens) if (!s.hole) s.film.video.currentTime = Math.max(0, s.film.video.currentTime + way * this.#frame);
  }

  /** @param {1 | -1} way */
  #motion(way) {
    const to = this.#screens[0].lanes?.motion(this.#at, way);
    const sign = this.querySelector(".sign");
    if (to !== undefined) this.#go(to);
    else if (sign) sign.textContent = this.dataset.noMotion ?? "";
  }

  #key = (/** @type {KeyboardEvent} */ e) => {
    const t = /** @type {HTMLElement} */ (e.target);
    if (e.ctrlKey || e.metaKey || e.altKey || t.closest("input, select, textarea, dialog")) return;
    if ((e.key === " " || e.key === "Enter") && t.closest("button, a, summary")) return;
    const does = keys[e.key.length === 1 ? e.key.toLowerCase() : e.key] ?? (t.closest("[role=slider]") ? slides[e.key] : undefined);
    if (!does || !this.#screens[0]?.lanes) return;
    e.preventDefault();
    this.#do(does, e);
  };

  /** @param {string} what @param {Event} e */
  #do(what, e) {
    const line = this.#line, first = this.#screens[0];
    switch (what) {
      case "play": return this.#play(!this.#playing);
      case "back": return this.#go(this.#at - 10_000);
      case "forth": return this.#go(this.#at + 10_000);
      case "second-back": return this.#go(this.#at - 1000);
      case "second-forth": return this.#go(this.#at + 1000);
      case "frame-back": return this.#step(-1);
      case "frame-forth": return this.#step(1);
      case "first": return this.#go(first.lanes?.first ?? this.#at);
      case "last": return this.#go(first.lanes?.last ?? this.#at);
      case "closer": return line.zoom(0.5);
      case "wider": return line.zoom(2);
      case "next": return this.#motion(1);
      case "previous": return this.#motion(-1);
      case "in": case "out": return this.#mark(what);
      case "sound": return this.#sound();
      case "full": return void (document.fullscreenElement ? document.exitFullscreen() : this.querySelector(".screens")?.requestFullscreen());
      case "faster": case "slower": {
        const i = speeds.indexOf(first.film.video.playbackRate) + (what === "faster" ? 1 : -1);
        return this.#speed(speeds[Math.min(Math.max(i, 0), speeds.length - 1)]);
      }
      case "keys": return /** @type {HTMLDialogElement | null} */ (this.querySelector("dialog.keys"))?.showModal();
      case "still": return this.#still(e);
    }
  }

  #sound() {
    const video = this.#screens[0].film.video;
    video.muted = !video.muted;
    this.querySelector("[data-do=sound]")?.setAttribute("aria-pressed", String(!video.muted));
  }

  /** Saves the very picture that is shown; the link itself leads to the hub's key frame before it. @param {Event} e */
  async #still(e) {
    const { video } = this.#screens[0].film;
    const link = e.target instanceof Element ? e.target.closest("a") : null;
    if (!link || video.readyState < 2) return;
    e.preventDefault();
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    const url = URL.createObjectURL(await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 }));
    const a = document.createElement("a");
    a.href = url;
    a.download = `${link.dataset.name}_${stamp(this.#at, this.#screens[0].lanes?.data.zone ?? []).replaceAll(":", "-")}.jpg`;
    a.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  #form() { return /** @type {HTMLFormElement | null} */ (this.querySelector("form.range")); }

  /** @param {"in" | "out"} which */
  #mark(which) {
    const m = this.#line.marks;
    m[which] = Math.round(this.#at);
    if (m.in !== undefined && m.out !== undefined && m.out <= m.in) delete m[which === "in" ? "out" : "in"];
    this.#marked();
    const form = this.#form(), zone = this.#screens[0].lanes?.data.zone ?? [];
    if (!form) return;
    const set = (/** @type {string} */ name, /** @type {string} */ value) => {
      const i = form.elements.namedItem(name);
      if (i instanceof HTMLInputElement) i.value = value;
    };
    if (m.in !== undefined) set("from", field(m.in, zone));
    if (m.out !== undefined) set("to", field(m.out, zone));
    const whole = m.in !== undefined && m.out !== undefined;
    set("in", whole ? new Date(/** @type {number} */ (m.in)).toISOString() : "");
    set("out", whole ? new Date(/** @type {number} */ (m.out)).toISOString() : "");
  }

  /** A typed range is drawn too. */
  #typed() {
    const form = this.#form(), zone = this.#screens[0].lanes?.data.zone ?? [];
    if (!form) return;
    const read = (/** @type {string} */ name) => fromField(/** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value, zone);
    for (const name of ["in", "out"]) /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value = "";
    const a = read("from"), b = read("to");
    this.#line.marks = a < b ? { in: a, out: b } : {};
    this.#marked();
  }

  #marked() {
    const out = this.querySelector("output.chosen");
    const long = this.#line.chosen;
    if (out) out.textContent = long ? (this.dataset.chosen ?? "").replace("{long}", long) : "";
    this.#line.redraw();
  }
}

/** What each key does; the page lists them. @type {Record<string, string>} */
const keys = {
  " ": "play", j: "back", l: "forth", k: "play", ArrowLeft: "second-back", ArrowRight: "second-forth", ",": "frame-back", ".": "frame-forth",
  "+": "closer", "=": "closer", "-": "wider", n: "next", p: "previous", "[": "in", "]": "out", m: "sound", f: "full", "?": "keys",
  "<": "slower", ">": "faster",
};

/** What else the keys of a slider do, which elsewhere move the page. @type {Record<string, string>} */
const slides = {
  Home: "first", End: "last", PageUp: "forth", PageDown: "back", ArrowUp: "second-forth", ArrowDown: "second-back",
};


// The pictures of one camera's choice on the request page: a strip of what is
// recorded, a handle at each end, and the recording itself. The two fields
// stay what is sent; here they are only moved.
import { clock, field, momentOf, setMoment } from "./clock.mjs";
import { Recorded } from "./recorded.mjs";
import { Strip } from "./strip.mjs";

const pictures = 8;

export class Cut {
  /** @param {HTMLElement} root its .cut @param {HTMLInputElement[]} fields the beginning and the end, as datetime-local */
  constructor(root, fields) {
    const all = (/** @type {string} */ what) => /** @type {HTMLElement} */ (root.querySelector(what));
    const figure = all("figure"), button = all("button");
    const data = root.dataset;
    this.fields = fields;
    this.root = root;
    this.playing = false;
    this.sign = all(".sign");
    this.first = Number(data.first);
    this.last = Number(data.last);
    /** @type {import("./clock.mjs").Zone} */
    this.zone = JSON.parse(/** @type {HTMLElement} */ (root.closest("[data-zone]")).dataset.zone ?? "[]");
    this.oneDay = field(this.first, this.zone).slice(0, 10) === field(this.last, this.zone).slice(0, 10);
    this.handles = /** @type {HTMLInputElement[]} */ ([...root.querySelectorAll("input[type=range]")]);
    this.strip = new Strip(figure);
    const say = (/** @type {string | undefined} */ text) => { this.sign.textContent = text ?? ""; };
    this.film = new Recorded(figure, {
      ready: () => {
        this.strip.hide();
        say("");
        if (this.playing && this.film.video.paused) this.film.video.play().catch(() => {}); // opening a list stops the video
      },
      ended: (at) => this.#follow(at),
      nothing: () => { this.#pause(); say(data.hole); },
      failed: () => { this.#pause(); say(data.failed); },
      lost: () => say(data.lostHub),
      lesser: () => {},
    });
    this.film.video.addEventListener("timeupdate", () => { if (this.playing && (this.film.at ?? 0) >= this.times()[1]) this.#pause(); });
    for (const is of ["play", "pause"]) this.film.video.addEventListener(is, () => button.setAttribute("aria-pressed", String(!this.film.video.paused)));
    button.addEventListener("click", () => this.#toggle());
    this.handles.forEach((h, i) => {
      h.max = String((this.last - this.first) / 1000);
      h.addEventListener("input", () => this.#moved(i));
      h.addEventListener("change", () => this.#look(i));
      h.addEventListener("keydown", (e) => this.#key(e, h));
    });
    fields.forEach((f) => f.addEventListener("input", () => this.#typed()));
    this.#typed();
  }

  /** What the fields say, in Unix ms; NaN where one says nothing. */
  times() { return this.fields.map((f) => momentOf(f, this.zone)); }

  /** Shows it; the first time it asks for its pictures. @param {boolean} on */
  show(on) {
    this.root.hidden = !on;
    if (!on) this.#pause();
    const row = /** @type {HTMLElement} */ (this.root.querySelector(".pictures"));
    if (!on || row.childElementCount > 0) return;
    const long = this.last - this.first;
    for (let i = 0; i < pictures; i++) {
      const img = new Image();
      img.alt = "";
      img.addEventListener("error", () => img.removeAttribute("src"));
      img.src = this.#still(this.first + long * (i + 0.5) / pictures);
      row.append(img);
    }
    for (const [from, to, why] of JSON.parse(this.root.dataset.gaps ?? "[]")) {
      const a = Math.max(from, this.first), b = Math.min(to, this.last);
      if (b <= a) continue;
      const gap = document.createElement("i");
      gap.title = why;
      gap.style.insetInlineStart = `${100 * (a - this.first) / long}%`;
      gap.style.inlineSize = `${100 * (b - a) / long}%`;
      row.append(gap);
    }
    this.#look(0);
  }

  /** @param {number} ms */
  #still(ms) { return `${this.strip.figure.dataset.media}still.jpg?at=${new Date(ms).toISOString()}`; }

  /** The fields were typed into: the handles follow. */
  #typed() {
    this.times().forEach((t, i) => {
      if (!Number.isNaN(t)) this.handles[i].value = String(Math.round((t - this.first) / 1000));
    });
    this.#drawn();
  }

  /** A handle was moved: its field follows, and stays on its side of the other. @param {number} i */
  #moved(i) {
    const [from, to] = this.handles.map((h) => Number(h.value));
    if (i === 0 && from >= to) this.handles[0].value = String(Math.max(0, to - 1));
    if (i === 1 && to <= from) this.handles[1].value = String(from + 1);
    const at = this.first + Number(this.handles[i].value) * 1000;
    setMoment(this.fields[i], at, this.zone);
    this.#pause();
    this.strip.show(at);
    this.#drawn();
  }

  #drawn() {
    const whole = Math.max(1, (this.last - this.first) / 1000);
    this.handles.forEach((h, i) => {
      const at = this.first + Number(h.value) * 1000;
      h.setAttribute("aria-valuetext", this.oneDay ? clock(at, this.zone) : field(at, this.zone).replace("T", " "));
      this.root.style.setProperty(i ? "--to" : "--from", String(Number(h.value) / whole));
    });
    // Where both are at the end, the one that can still go somewhere is on top.
    this.handles[0].style.zIndex = Number(this.handles[0].value) > whole / 2 ? "3" : "2";
    const out = this.root.querySelector("output");
    if (out) out.textContent = this.handles.map((h) => h.getAttribute("aria-valuetext")).join(" – ");
  }

  /** Shows the recording where a handle was let go. @param {number} i */
  #look(i) {
    const at = this.times()[i];
    // The picture of the end is the last one that would be sent.
    if (!Number.isNaN(at)) this.film.seek(Math.min(Math.max(at - i, this.first), this.last - 1));
  }

  /** @param {KeyboardEvent} e @param {HTMLInputElement} h */
  #key(e, h) {
    const tens = e.key === "PageUp" ? 1 : e.key === "PageDown" ? -1 : e.shiftKey && /^Arrow(Right|Up)$/.test(e.key) ? 1 : e.shiftKey && /^Arrow(Left|Down)$/.test(e.key) ? -1 : 0;
    if (tens === 0) return;
    e.preventDefault();
    h.value = String(Number(h.value) + tens * 10);
    h.dispatchEvent(new Event("input", { bubbles: true }));
    h.dispatchEvent(new Event("change", { bubbles: true }));
  }

  #toggle() {
    const [from, to] = this.times(), at = this.film.at ?? NaN;
    if (this.playing) return this.#pause();
    this.playing = true;
    if (!(at >= from && at < to - 500)) this.film.seek(from);
    else this.film.video.play().catch(() => {});
  }

  #pause() {
    this.playing = false;
    this.film.video.pause();
  }

  /** The list of the recording ended, which is longer than most choices. @param {number} at */
  #follow(at) {
    if (at < this.times()[1]) this.film.seek(at);
    else this.#pause();
  }
}

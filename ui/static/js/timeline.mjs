// <gh-timeline>: a day as a canvas, and the playhead as a slider that every
// input can reach. It plays nothing: it says where somebody wants to be, with
// "scrub" while they drag and "seek" once they mean it.
import { clock, length } from "./clock.mjs";
import { draw, rows } from "./draw.mjs";
import { Lanes } from "./lanes.mjs";
/** @import { Colours, View } from "./draw.mjs" */

const shortest = 60_000; // the closest view, in ms
const slop = 4; // pixels that a finger or mouse moves without meaning to

export class Timeline extends HTMLElement {
  /** @type {Lanes | undefined} */ lanes;
  /** @type {{ in?: number, out?: number }} */ marks = {};
  /** @type {View} */ view = { from: 0, to: 1 };
  #at = 0;
  #width = 0;
  #frame = 0;
  #spoken = 0;
  /** @type {Map<number, { x: number, y: number }>} */ #fingers = new Map();
  /** @type {{ x: number, view: View, moved: boolean, scrub: boolean, spread?: number } | undefined} */ #drag;
  /** @type {Colours | undefined} */ #colours;
  /** @type {CanvasPattern | null} */ #hatch = null;
  #left = 0; // when the view was last moved by hand

  get #canvas() { return /** @type {HTMLCanvasElement} */ (this.querySelector("canvas")); }
  get #thumb() { return /** @type {HTMLElement} */ (this.querySelector("[role=slider]")); }

  connectedCallback() {
    new ResizeObserver(([e]) => {
      this.#width = e.contentRect.width;
      const dots = devicePixelRatio || 1;
      this.#canvas.width = Math.round(this.#width * dots);
      this.#canvas.height = Math.round(rows.height * dots);
      this.#canvas.getContext("2d")?.setTransform(dots, 0, 0, dots, 0, 0);
      this.redraw();
    }).observe(this.#canvas.parentElement ?? this);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#colours = undefined;
      this.redraw();
    });
    const stage = /** @type {HTMLElement} */ (this.#canvas.parentElement);
    stage.addEventListener("pointerdown", (e) => this.#down(e));
    stage.addEventListener("pointermove", (e) => this.#move(e));
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (e) => this.#up(/** @type {PointerEvent} */ (e)));
    stage.addEventListener("wheel", (e) => this.#wheel(e), { passive: false });
    for (const b of this.querySelectorAll("button[data-zoom]")) {
      b.addEventListener("click", () => this.span(Number(/** @type {HTMLElement} */ (b).dataset.zoom) * 1000));
    }
  }

  /** Shows a day, or a newer word on the same one. @param {Lanes} lanes */
  show(lanes) {
    const same = this.lanes?.data.from === lanes.data.from;
    this.lanes = lanes;
    this.#colours = undefined;
    if (!same) this.view = { from: lanes.data.from, to: lanes.data.to };
    this.redraw();
  }

  get at() { return this.#at; }

  /** Moves the playhead; a view that somebody is not moving follows it. */
  set at(ms) {
    const was = this.#at;
    this.#at = ms;
    const { from, to } = this.view;
    if (!this.#drag && (ms < from || ms > to) && (was >= from && was <= to || performance.now() - this.#left > 5000)) {
      const long = to - from;
      this.#look(ms - long * 0.1, long);
    }
    this.redraw();
  }

  redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.paint();
    });
  }

  /** Draws now; redraw is for everything but measuring. */
  paint() {
    const c = this.#canvas.getContext("2d");
    if (!c || !this.lanes || !this.#width) return;
    this.#colours ??= this.#dress(c);
    draw(c, this.#width, this.view, this.lanes.data, { colours: this.#colours, marks: this.marks, hatch: this.#hatch });
    this.#place();
  }

  /** The colours that the page's tokens mean at this moment. @param {CanvasRenderingContext2D} c */
  #dress(c) {
    const probe = document.createElement("i");
    this.append(probe);
    const colour = (/** @type {string} */ token) => {
      probe.style.color = `var(--${token})`;
      return getComputedStyle(probe).color;
    };
    const set = /** @type {Colours} */ ({});
    for (const name of /** @type {(keyof Colours)[]} */ (["text", "muted", "hair", "line", "sunken", "surface", "accent", "hold", "danger"])) set[name] = colour(name);
    probe.style.color = "color-mix(in srgb, var(--bg) 70%, transparent)";
    set.wash = getComputedStyle(probe).color;
    probe.remove();
    const tile = new OffscreenCanvas(8, 8), t = /** @type {OffscreenCanvasRenderingContext2D} */ (tile.getContext("2d"));
    t.strokeStyle = set.danger;
    t.lineWidth = 1.5;
    for (const d of [-8, 0, 8]) {
      t.moveTo(d, 8);
      t.lineTo(d + 8, 0);
    }
    t.stroke();
    this.#hatch = c.createPattern(tile, "repeat");
    return set;
  }

  /** Puts the thumb where the playhead is, and says in words what is there. */
  #place() {
    const lanes = /** @type {Lanes} */ (this.lanes), { from, to } = this.view;
    const x = ((this.#at - from) / (to - from)) * this.#width;
    this.#thumb.style.transform = `translateX(${Math.min(Math.max(x, 0), this.#width)}px)`;
    this.#thumb.toggleAttribute("data-away", x < -1 || x > this.#width + 1);
    const second = Math.floor(this.#at / 1000);
    if (second === this.#spoken) return;
    this.#spoken = second;
    this.#thumb.setAttribute("aria-valuemax", String((lanes.data.to - lanes.data.from) / 1000));
    this.#thumb.setAttribute("aria-valuenow", String(Math.round((this.#at - lanes.data.from) / 1000)));
    this.#thumb.setAttribute("aria-valuetext", this.words(this.#at));
    const long = to - from;
    for (const b of this.querySelectorAll("button[data-zoom]")) {
      const want = Math.min(Number(/** @type {HTMLElement} */ (b).dataset.zoom) * 1000, lanes.data.to - lanes.data.from);
      b.setAttribute("aria-pressed", String(Math.abs(want - long) < 1000 || want > 80_000_000 && long >= lanes.data.to - lanes.data.from));
    }
  }

  /** "Saturday 14:03:20, recorded, motion" @param {number} ms */
  words(ms) {
    const lanes = /** @type {Lanes} */ (this.lanes), d = this.dataset;
    const list = [`${d.day ?? ""} ${clock(ms, lanes.data.zone)}`];
    const gap = lanes.gap(ms);
    if (lanes.recorded(ms)) list.push(d.recorded ?? "");
    else if (gap) list.push((d.gap ?? "").replace("{why}", gap.why));
    else list.push(d.nothing ?? "");
    if (lanes.moving(ms)) list.push(d.motion ?? "");
    const held = lanes.held(ms), asked = lanes.asked(ms);
    list.push(...held.map((h) => h.why));
    if (asked) list.push((d.asked ?? "").replace("{agency}", asked.agency));
    return list.join(", ");
  }

  /** Shows long milliseconds about the playhead. @param {number} long */
  span(long) {
    this.zoom(long / (this.view.to - this.view.from), this.#at);
  }

  /** Makes the view so many times as long about a moment, which stays where it is. @param {number} times @param {number} [about] */
  zoom(times, about = this.#at) {
    const { from, to } = this.view;
    if (about < from || about > to) about = (from + to) / 2;
    const long = Math.max((to - from) * times, shortest);
    this.#look(about - ((about - from) / (to - from)) * long, long);
    this.#left = performance.now();
  }

  /** Shows [from, from + long), within the day. @param {number} from @param {number} long */
  #look(from, long) {
    if (!this.lanes) return;
    const { from: first, to: last } = this.lanes.data;
    long = Math.min(long, last - first);
    from = Math.min(Math.max(from, first), last - long);
    if (long !== this.view.to - this.view.from) this.#spoken = 0; // the buttons say how much is shown
    this.view = { from, to: from + long };
    this.redraw();
  }

  /** Moves the view. @param {number} ms */
  pan(ms) {
    this.#look(this.view.from + ms, this.view.to - this.view.from);
    this.#left = performance.now();
  }

  /** @param {number} x in pixels @param {View} [view] */
  #time(x, view = this.view) {
    return view.from + (Math.min(Math.max(x, 0), this.#width) / this.#width) * (view.to - view.from);
  }

  /** @param {MouseEvent} e */
  #x(e) { return e.clientX - this.#canvas.getBoundingClientRect().left; }

  /** @param {PointerEvent} e */
  #down(e) {
    if (!this.lanes || e.button > 0) return;
    const stage = /** @type {HTMLElement} */ (this.#canvas.parentElement);
    stage.setPointerCapture(e.pointerId);
    const x = this.#x(e);
    this.#fingers.set(e.pointerId, { x, y: e.clientY });
    const whole = this.view.to - this.view.from >= this.lanes.data.to - this.lanes.data.from;
    const near = Math.abs(((this.#at - this.view.from) / (this.view.to - this.view.from)) * this.#width - x) <= 22;
    this.#drag = { x, view: { ...this.view }, moved: false, scrub: near || whole };
    if (this.#fingers.size === 2) {
      const [a, b] = [...this.#fingers.values()];
      this.#drag = { x: (a.x + b.x) / 2, view: { ...this.view }, moved: true, scrub: false, spread: Math.max(Math.abs(a.x - b.x), 20) };
    }
    this.#thumb.focus({ preventScroll: true });
    e.preventDefault();
  }

  /** @param {PointerEvent} e */
  #move(e) {
    const drag = this.#drag, x = this.#x(e);
    if (!drag || !this.#fingers.has(e.pointerId)) return;
    this.#fingers.set(e.pointerId, { x, y: e.clientY });
    drag.moved ||= Math.abs(x - drag.x) > slop;
    if (!drag.moved) return;
    const long = drag.view.to - drag.view.from;
    if (drag.spread) {
      const [a, b] = [...this.#fingers.values()];
      if (!b) return;
      const next = Math.max((long * drag.spread) / Math.max(Math.abs(a.x - b.x), 20), shortest);
      this.#look(this.#time(drag.x, drag.view) - ((a.x + b.x) / 2 / this.#width) * next, next);
      this.#left = performance.now();
    } else if (drag.scrub) {
      this.#tell("scrub", this.#time(x));
    } else {
      this.#look(drag.view.from - ((x - drag.x) / this.#width) * long, long);
      this.#left = performance.now();
    }
  }

  /** @param {PointerEvent} e */
  #up(e) {
    const drag = this.#drag;
    if (!this.#fingers.delete(e.pointerId) || !drag) return;
    if (this.#fingers.size) return; // the other finger of a pinch
    this.#drag = undefined;
    if (e.type === "pointercancel" || drag.spread) return;
    if (drag.scrub || !drag.moved) this.#tell("seek", this.#time(this.#x(e)));
  }

  /** @param {WheelEvent} e */
  #wheel(e) {
    if (!this.lanes) return;
    e.preventDefault();
    const lines = e.deltaMode === 1 ? 16 : 1;
    if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
      this.pan((((e.deltaX || e.deltaY) * lines) / this.#width) * (this.view.to - this.view.from));
      return;
    }
    this.zoom(Math.exp(Math.max(-200, Math.min(200, e.deltaY * lines)) * 0.003), this.#time(this.#x(e)));
  }

  /** @param {"scrub" | "seek"} what @param {number} ms */
  #tell(what, ms) {
    const { from, to, now } = /** @type {Lanes} */ (this.lanes).data;
    ms = Math.min(Math.max(ms, from), Math.min(to - 1, Math.max(now, from)));
    this.#at = ms;
    this.redraw();
    this.dispatchEvent(new CustomEvent(what, { detail: ms }));
  }

  /** What is chosen between the marks, in words; empty if nothing is. */
  get chosen() {
    const { in: a, out: b } = this.marks;
    return a !== undefined && b !== undefined ? length((b - a) / 1000) : "";
  }
}

// What the hub tells of a camera's day, and questions about it.
/** @import { Zone } from "./clock.mjs" */

/** @typedef {[number, number]} Span in ms from the start of the day */
/**
 * @typedef {object} Data
 * @property {number} from @property {number} to @property {number} now @property {string} day
 * @property {Zone} zone @property {Span[]} recorded @property {[number, number, number][]} motion
 * @property {{ span: Span, why: string, long: string, open?: boolean }[]} gaps
 * @property {{ span: Span, why: string, own?: boolean }[]} held what requests hold, and what the household keeps
 * @property {{ span: Span, agency: string, url: string }[]} asked
 */

/**
 * The first of spans, which are in order, that ends after t.
 * @param {ArrayLike<number>[]} spans @param {number} t
 */
export function firstAfter(spans, t) {
  let low = 0, high = spans.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (spans[mid][1] > t) high = mid;
    else low = mid + 1;
  }
  return low;
}

/** @param {ArrayLike<number>[]} spans @param {number} t */
const covers = (spans, t) => spans[firstAfter(spans, t)]?.[0] <= t;

export class Lanes {
  /** @param {Data} data */
  constructor(data) { this.data = data; }

  /** Milliseconds from the start of the day. @param {number} ms Unix time */
  #in(ms) { return ms - this.data.from; }

  /** @param {number} ms */
  holds(ms) { return ms >= this.data.from && ms < this.data.to; }

  /** @param {number} ms */
  recorded(ms) { return covers(this.data.recorded, this.#in(ms)); }

  /** @param {number} ms */
  moving(ms) { return covers(this.data.motion, this.#in(ms)); }

  /** @param {number} ms */
  held(ms) { return this.data.held.filter((h) => h.span[0] <= this.#in(ms) && this.#in(ms) < h.span[1]); }

  /** @param {number} ms */
  asked(ms) { return this.data.asked.find((h) => h.span[0] <= this.#in(ms) && this.#in(ms) < h.span[1]); }

  /** The gap that is there at ms or begins up to a second later. @param {number} ms */
  gap(ms) { return this.data.gaps.find((g) => g.span[0] <= this.#in(ms) + 1000 && this.#in(ms) < g.span[1]); }

  /** Where the day's footage begins; undefined if there is none. */
  get first() { return this.footage(this.data.from); }

  /** A second before the day's footage ends; undefined if there is none. */
  get last() {
    const span = this.data.recorded.at(-1);
    return span && this.data.from + Math.max(span[0], span[1] - 1000);
  }

  /** Where footage is, at ms or after it; undefined if there is none on this day. @param {number} ms */
  footage(ms) {
    const t = this.#in(ms);
    const next = this.data.recorded[firstAfter(this.data.recorded, t)];
    return next && this.data.from + Math.max(next[0], t);
  }

  /** The end of the last footage of the day; undefined if there is none. */
  get end() {
    const last = this.data.recorded.at(-1);
    return last && this.data.from + last[1];
  }

  /** The start of the motion after or before a moment. @param {number} ms @param {1 | -1} way */
  motion(ms, way) {
    const t = this.#in(ms), { motion, from } = this.data;
    const found = way > 0 ? motion.find((m) => m[0] > t + 500) : motion.findLast((m) => m[0] < t - 1500);
    return found && from + found[0];
  }
}

// The home's clock: a browser may stand in another zone, or know an older rule
// of this one, so the hub says which offset holds when.

/** @typedef {[number, number][]} Zone from when (Unix ms) the clock is how many minutes ahead of UTC */

/** @param {number} ms @param {Zone} zone */
export function offsetAt(ms, zone) {
  let minutes = zone[0]?.[1] ?? 0;
  for (const [from, ahead] of zone) if (from <= ms) minutes = ahead;
  return minutes;
}

/** A date whose UTC fields are what the home's clock shows. @param {number} ms @param {Zone} zone */
const local = (ms, zone) => new Date(ms + offsetAt(ms, zone) * 60_000).toISOString();

/** "14:03:20" @param {number} ms @param {Zone} zone */
export const clock = (ms, zone) => local(ms, zone).slice(11, 19);

/** The value of an <input type=datetime-local>. @param {number} ms @param {Zone} zone */
export const field = (ms, zone) => local(ms, zone).slice(0, 19);

/** The moment that such a value means, NaN if none. @param {string} value @param {Zone} zone */
export function fromField(value, zone) {
  const wall = Date.parse(`${value}Z`);
  for (const [from, ahead] of [...zone].reverse()) {
    if (wall - ahead * 60_000 >= from) return wall - ahead * 60_000;
  }
  return wall - offsetAt(0, zone) * 60_000;
}

/**
 * The moment that an <input type=datetime-local> stands for, NaN if none. An hour
 * comes twice in autumn: what was set by us is known by data-ms for as long as
 * the field still says data-of, or what the hub wrote into it.
 * @param {HTMLInputElement} input @param {Zone} zone
 */
export function momentOf(input, zone) {
  const { ms, of = input.defaultValue } = input.dataset;
  return ms && of === input.value ? Number(ms) : fromField(input.value, zone);
}

/** Sets such a field to a moment. @param {HTMLInputElement} input @param {number} ms @param {Zone} zone */
export function setMoment(input, ms, zone) {
  input.value = field(ms, zone);
  input.dataset.ms = String(ms);
  input.dataset.of = input.value; // browsers leave seconds out when they are zero
}

/** "2026-11-21T14:03:20-08:00", as addresses have it. @param {number} ms @param {Zone} zone */
export function stamp(ms, zone) {
  const ahead = offsetAt(ms, zone);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const sign = ahead < 0 ? "-" : "+";
  const rest = Math.abs(ahead);
  return `${field(ms, zone)}${sign}${two(Math.floor(rest / 60))}:${two(rest % 60)}`;
}

/** Writes seconds with the two largest units, as the pages do. @param {number} s */
export function length(s) {
  s = Math.round(s);
  const parts = [];
  for (const [unit, name] of /** @type {[number, string][]} */ ([[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]])) {
    const n = Math.floor(s / unit);
    if (n > 0 && parts.length < 2) parts.push(`${n} ${name}`);
    else if (parts.length > 0) break;
    s -= n * unit;
  }
  return parts.join(" ") || "0 s";
}

// Draws the timeline. What falls on the same pixel is drawn once: a day of
// thousands of events costs no more than the width of the screen.
import { clock } from "./clock.mjs";
import { firstAfter } from "./lanes.mjs";
/** @import { Data } from "./lanes.mjs" */

/** @typedef {{ from: number, to: number }} View in Unix ms */
/** @typedef {Record<"text" | "muted" | "hair" | "line" | "sunken" | "surface" | "accent" | "hold" | "danger" | "wash", string>} Colours */

/** Where things stand, in CSS pixels from the top. */
export const rows = { labels: 14, band: 22, bandEnd: 72, hold: 78, holdEnd: 96, map: 106, mapEnd: 116, height: 120 };

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600].map((s) => s * 1000);

/**
 * @param {CanvasRenderingContext2D} c scaled to CSS pixels
 * @param {number} width
 * @param {View} view
 * @param {Data} data
 * @param {{ colours: Colours, marks: { in?: number, out?: number }, hatch: CanvasPattern | null }} how
 */
export function draw(c, width, view, data, how) {
  const { colours } = how;
  const scale = width / (view.to - view.from);
  const x = (/** @type {number} */ t) => (data.from + t - view.from) * scale;
  c.clearRect(0, 0, width, rows.height);
  c.fillStyle = colours.sunken;
  c.fillRect(0, rows.band, width, rows.bandEnd - rows.band);
  bars(c, data.recorded, x, width, [rows.band, rows.bandEnd], colours.line, 0.42, () => 1);
  ticks(c, width, view, data, colours);
  bars(c, data.motion, x, width, [rows.band, rows.bandEnd], colours.accent, 1, (m) => 0.45 + 0.5 * Math.min(1, (m[2] || 30) / 60));
  gaps(c, data, x, width, how);
  asked(c, data, x, width, colours);
  held(c, data, x, width, colours);
  marks(c, data, x, width, how);
  now(c, data, x, width, colours);
  map(c, data, view, width, colours);
}

/**
 * Upright bars between two heights. They begin and end on whole pixels of the screen:
 * without a graphics card a path of a thousand edges between pixels costs more than
 * everything else in a frame.
 * @template {ArrayLike<number>} S
 * @param {CanvasRenderingContext2D} c @param {S[]} spans @param {(t: number) => number} x @param {number} width
 * @param {[number, number]} between @param {string} colour @param {number} alpha @param {(s: S) => number} tall a share of the height
 */
function bars(c, spans, x, width, [ceiling, ground], colour, alpha, tall) {
  const dots = c.getTransform().a || 1, high = ground - ceiling;
  c.globalAlpha = alpha;
  c.fillStyle = colour;
  let from = 0, to = 0, top = 0; // the bar in hand, in pixels of the screen
  const put = () => {
    if (to > from && top > 0) c.fillRect(from / dots, ground - top, (to - from) / dots, top);
  };
  for (let i = visible(spans, x); i < spans.length; i++) {
    const left = x(spans[i][0]);
    if (left > width) break;
    const h = Math.round(tall(spans[i]) * high * dots) / dots;
    let start = Math.max(Math.round(left * dots), 0);
    let end = Math.round(Math.min(width, Math.max(left + 1.5, x(spans[i][1]))) * dots);
    if (start < to && h <= top) start = to; // of two on a pixel the higher one is seen
    else if (start < to) [end, to] = [Math.max(end, to), start];
    if (end <= start) continue;
    if (start === to && h === top) {
      to = end;
      continue;
    }
    put();
    [from, to, top] = [start, end, h];
  }
  put();
  c.globalAlpha = 1;
}

/** The index of the first span that is in view. @param {ArrayLike<number>[]} spans @param {(t: number) => number} x */
function visible(spans, x) {
  const zero = x(0), one = x(1);
  return firstAfter(spans, -zero / (one - zero));
}

/**
 * @param {CanvasRenderingContext2D} c @param {number} width @param {View} view @param {Data} data @param {Colours} colours
 */
function ticks(c, width, view, data, colours) {
  const long = view.to - view.from;
  const step = steps.find((s) => (s / long) * width >= 72) ?? steps[steps.length - 1];
  c.font = "12px system-ui, sans-serif";
  c.textBaseline = "alphabetic";
  c.textAlign = "center";
  c.fillStyle = colours.muted;
  c.strokeStyle = colours.hair;
  c.lineWidth = 1;
  c.beginPath();
  // Lines stand on whole hours of the clock, also after it was changed.
  const first = data.from + Math.ceil((view.from - data.from) / step) * step;
  const letters = step < 60_000 ? 8 : 5, half = c.measureText("00:00:00".slice(0, letters)).width / 2;
  for (let t = first; t <= view.to; t += step) {
    const at = Math.round((t - view.from) * (width / long)) + 0.5;
    c.moveTo(at, rows.band);
    c.lineTo(at, rows.bandEnd);
    c.fillText(clock(t, data.zone).slice(0, letters), Math.min(Math.max(at, half), width - half), rows.labels);
  }
  c.stroke();
}

/**
 * @param {CanvasRenderingContext2D} c @param {Data} data @param {(t: number) => number} x @param {number} width
 * @param {{ colours: Colours, hatch: CanvasPattern | null }} how
 */
function gaps(c, data, x, width, { colours, hatch }) {
  c.textAlign = "center";
  for (const g of data.gaps) {
    const left = Math.max(x(g.span[0]), 0), right = Math.min(Math.max(x(g.span[1]), x(g.span[0]) + 2), width);
    if (right <= left) continue;
    c.fillStyle = colours.surface;
    c.fillRect(left, rows.band, right - left, rows.bandEnd - rows.band);
    c.fillStyle = hatch ?? colours.danger;
    c.fillRect(left, rows.band, right - left, rows.bandEnd - rows.band);
    const room = right - left - 16, long = room > 0 ? c.measureText(g.why).width : Infinity;
    if (long > room) continue;
    const w = long / 2 + 6, mid = (left + right) / 2, y = (rows.band + rows.bandEnd) / 2;
    c.fillStyle = colours.surface;
    c.fillRect(mid - w, y - 10, 2 * w, 20);
    c.fillStyle = colours.danger;
    c.fillText(g.why, mid, y + 4);
  }
}

/** @param {CanvasRenderingContext2D} c @param {Data} data @param {(t: number) => number} x @param {number} width @param {Colours} colours */
function asked(c, data, x, width, colours) {
  c.strokeStyle = colours.hold;
  c.lineWidth = 2;
  for (const a of data.asked) {
    const left = x(a.span[0]), right = Math.max(x(a.span[1]), left + 3);
    if (right < 0 || left > width) continue;
    c.strokeRect(left, rows.band - 1, right - left, rows.holdEnd - rows.band + 2);
    label(c, a.agency, left, right, width, colours.hold, colours.surface);
  }
}

/** @param {CanvasRenderingContext2D} c @param {Data} data @param {(t: number) => number} x @param {number} width @param {Colours} colours */
function held(c, data, x, width, colours) {
  for (const h of data.held) {
    const left = Math.max(x(h.span[0]), 0), right = Math.min(Math.max(x(h.span[1]), left + 3), width);
    if (right <= left) continue;
    if (h.own) { // what the household keeps is on top of the band, in ink; what requests hold is below it
      c.fillStyle = colours.text;
      c.fillRect(left, rows.band - 4, right - left, 3);
      bookmark(c, Math.min(left, width - 8), rows.band - 1);
      continue;
    }
    c.fillStyle = colours.hold;
    c.fillRect(left, rows.holdEnd - 4, right - left, 4);
    const mid = Math.min(Math.max((left + right) / 2, 8), width - 8);
    if (data.asked.some((a) => x(a.span[0]) < mid + 8 && x(a.span[1]) > mid - 8)) continue; // its label is there
    lock(c, mid, rows.hold + 6, colours.hold);
  }
}

/** A bookmark that hangs from a line, in the colour that is set. @param {CanvasRenderingContext2D} c @param {number} x its left @param {number} y */
function bookmark(c, x, y) {
  c.beginPath();
  c.moveTo(x, y);
  c.lineTo(x + 8, y);
  c.lineTo(x + 8, y + 11);
  c.lineTo(x + 4, y + 7.5);
  c.lineTo(x, y + 11);
  c.fill();
}

/** A padlock. @param {CanvasRenderingContext2D} c @param {number} x @param {number} y @param {string} colour */
function lock(c, x, y, colour) {
  c.fillStyle = c.strokeStyle = colour;
  c.lineWidth = 1.5;
  c.fillRect(x - 5, y, 10, 7);
  c.beginPath();
  c.arc(x, y, 3, Math.PI, 0);
  c.stroke();
}

/**
 * Text between two places, if there is room.
 * @param {CanvasRenderingContext2D} c @param {string} text @param {number} left @param {number} right @param {number} width
 * @param {string} colour @param {string} ground
 */
function label(c, text, left, right, width, colour, ground) {
  left = Math.max(left, 0);
  right = Math.min(right, width);
  const w = c.measureText(text).width;
  const inside = w + 24 <= right - left;
  const at = inside ? left + 20 : Math.min(right + 22, width - w - 4);
  if (!inside && at < right + 18) return;
  c.fillStyle = ground;
  c.fillRect(at - 18, rows.hold - 2, w + 22, 14);
  lock(c, at - 9, rows.hold + 3, colour);
  c.textAlign = "start";
  c.fillStyle = colour;
  c.fillText(text, at, rows.hold + 10);
}

/**
 * What is outside of a chosen range is veiled.
 * @param {CanvasRenderingContext2D} c @param {Data} data @param {(t: number) => number} x @param {number} width
 * @param {{ colours: Colours, marks: { in?: number, out?: number } }} how
 */
function marks(c, data, x, width, { colours, marks: m }) {
  for (const [at, way] of /** @type {[number | undefined, number][]} */ ([[m.in, -1], [m.out, 1]])) {
    if (at === undefined) continue;
    const edge = x(at - data.from);
    c.fillStyle = colours.wash;
    if (way < 0) c.fillRect(0, rows.band, Math.max(edge, 0), rows.bandEnd - rows.band);
    else c.fillRect(edge, rows.band, Math.max(width - edge, 0), rows.bandEnd - rows.band);
    c.strokeStyle = colours.text;
    c.lineWidth = 2.5;
    c.beginPath();
    c.moveTo(edge - way * 7, rows.band);
    c.lineTo(edge, rows.band);
    c.lineTo(edge, rows.bandEnd);
    c.lineTo(edge - way * 7, rows.bandEnd);
    c.stroke();
  }
}

/** @param {CanvasRenderingContext2D} c @param {Data} data @param {(t: number) => number} x @param {number} width @param {Colours} colours */
function now(c, data, x, width, colours) {
  const at = x(data.now - data.from);
  if (at < 0 || at > width) return;
  c.strokeStyle = colours.muted;
  c.lineWidth = 1;
  c.setLineDash([3, 3]);
  c.beginPath();
  c.moveTo(at, rows.band);
  c.lineTo(at, rows.bandEnd);
  c.stroke();
  c.setLineDash([]);
}

/** The whole day under a part of it. @param {CanvasRenderingContext2D} c @param {Data} data @param {View} view @param {number} width @param {Colours} colours */
function map(c, data, view, width, colours) {
  const whole = data.to - data.from;
  if (view.to - view.from >= whole) return;
  const s = width / whole;
  const high = rows.mapEnd - rows.map;
  c.fillStyle = colours.sunken;
  c.fillRect(0, rows.map, width, high);
  bars(c, data.motion, (t) => t * s, width, [rows.map + 2, rows.mapEnd - 2], colours.accent, 1, () => 1);
  c.strokeStyle = colours.text;
  c.lineWidth = 2;
  const left = (view.from - data.from) * s;
  c.strokeRect(left + 1, rows.map - 1, Math.max((view.to - view.from) * s - 2, 4), high + 2);
}

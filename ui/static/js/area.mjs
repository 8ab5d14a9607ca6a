// Draws the zones of motion on the camera's picture. The text of the field is the
// truth: every press writes it, and what is typed is drawn.

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {{ ignored: boolean, corners: [number, number][] }} Zone */

/**
 * The zone that a line means, or null for a line that means none.
 * @param {string} line @returns {Zone | null}
 */
export function zoneOf(line) {
  const [, minus, rest] = /^\s*(-?)(.*)$/.exec(line) ?? ["", "", ""];
  const corners = rest.split(",").filter((s) => s.trim() !== "").map((s) => s.trim().split(/\s+/).map(Number));
  if (line.trim() === "" || corners.some((c) => c.length !== 2 || c.some((n) => !(n >= 0 && n <= 1)))) return null;
  return { ignored: minus !== "", corners: /** @type {[number, number][]} */ (corners) };
}

/** @param {Zone} zone */
export const lineOf = ({ ignored, corners }) => (ignored ? "- " : "") + corners.map(([x, y]) => `${+x.toFixed(3)} ${+y.toFixed(3)}`).join(", ");

export class Area extends HTMLElement {
  connectedCallback() {
    const image = this.querySelector("img"), field = this.querySelector("textarea"), drawing = this.querySelector(".drawing");
    if (!image || !field || !(drawing instanceof HTMLElement)) return;
    this.field = field;
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("aria-hidden", "true");
    image.after(this.svg);
    const sized = () => {
      if (image.naturalWidth === 0) return;
      this.high = 1000 * image.naturalHeight / image.naturalWidth;
      this.svg?.setAttribute("viewBox", `0 0 1000 ${this.high}`);
      drawing.hidden = false;
      this.draw();
    };
    image.addEventListener("load", sized);
    image.src = this.dataset.picture ?? "";
    field.addEventListener("input", () => this.draw());
    for (const b of this.querySelectorAll("button")) b.addEventListener("click", () => this.press(b.value));
    this.svg.addEventListener("pointerdown", (e) => this.down(e));
    this.svg.addEventListener("pointermove", (e) => this.move(e));
    for (const end of ["pointerup", "pointercancel"]) this.svg.addEventListener(end, () => { this.held = undefined; });
  }

  get lines() { return (this.field?.value ?? "").split("\n"); }

  /** @param {string[]} lines */
  set lines(lines) {
    if (!this.field) return;
    this.field.value = lines.join("\n");
    this.draw();
  }

  /** A button: a new zone begins, or the newest corner goes. @param {string} what */
  press(what) {
    const lines = this.lines.filter((l) => l.trim() !== "");
    this.begin(what === "back" ? undefined : what);
    if (what === "back") {
      const zone = zoneOf(lines.pop() ?? "");
      if (zone && zone.corners.length > 1) lines.push(lineOf({ ...zone, corners: zone.corners.slice(0, -1) }));
      this.lines = lines;
    }
  }

  /** The next press on the picture begins a zone of this kind. @param {string | undefined} kind */
  begin(kind) {
    this.begun = kind;
    for (const b of this.querySelectorAll("button[aria-pressed]")) b.setAttribute("aria-pressed", String(b.getAttribute("value") === kind));
  }

  /** @param {PointerEvent} e @returns {[number, number]} */
  at(e) {
    const box = /** @type {SVGElement} */ (this.svg).getBoundingClientRect();
    const part = (/** @type {number} */ n) => Math.round(Math.min(1, Math.max(0, n)) * 100) / 100;
    return [part((e.clientX - box.left) / box.width), part((e.clientY - box.top) / box.height)];
  }

  /** Takes hold of a corner, or puts one. @param {PointerEvent} e */
  down(e) {
    if (e.button !== 0 || !(e.target instanceof Element)) return;
    e.preventDefault();
    this.svg?.setPointerCapture(e.pointerId);
    const corner = e.target.closest("circle");
    if (corner) {
      this.held = /** @type {[number, number]} */ ([Number(corner.dataset.line), Number(corner.dataset.corner)]);
      return;
    }
    const lines = this.lines.filter((l) => l.trim() !== "");
    const last = zoneOf(lines.at(-1) ?? "");
    if (this.begun !== undefined || !last) lines.push(lineOf({ ignored: this.begun === "ignored", corners: [this.at(e)] }));
    else lines[lines.length - 1] = lineOf({ ...last, corners: [...last.corners, this.at(e)] });
    this.begin(undefined);
    this.lines = lines;
    this.held = [lines.length - 1, (zoneOf(lines.at(-1) ?? "")?.corners.length ?? 1) - 1];
  }

  /** @param {PointerEvent} e */
  move(e) {
    if (!this.held) return;
    const lines = this.lines, [line, corner] = this.held, zone = zoneOf(lines[line] ?? "");
    if (!zone) return;
    zone.corners[corner] = this.at(e);
    lines[line] = lineOf(zone);
    this.lines = lines;
  }

  draw() {
    const high = this.high ?? 1000;
    /** @param {string} name @param {Record<string, string | number>} attrs */
    const make = (name, attrs) => {
      const el = document.createElementNS(SVG, name);
      for (const [k, v] of Object.entries(attrs)) el.setAttribute(k, String(v));
      return el;
    };
    this.svg?.replaceChildren(...this.lines.flatMap((text, line) => {
      const zone = zoneOf(text);
      if (!zone) return [];
      const points = zone.corners.map(([x, y]) => `${x * 1000},${y * high}`).join(" ");
      return [
        make("polygon", { points, class: zone.ignored ? "ignored" : "counts" }),
        ...zone.corners.map(([x, y], corner) => make("circle", { cx: x * 1000, cy: y * high, r: 22, "data-line": line, "data-corner": corner })),
      ];
    }));
  }
}

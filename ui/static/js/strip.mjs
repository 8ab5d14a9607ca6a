// Small pictures for whoever drags the playhead: the hub gives six of a minute
// side by side. Only the newest wish counts.
const cells = 6, kept = 200;

export class Strip {
  /** @type {Map<number, ImageBitmap | null>} null: there is none */ #minutes = new Map();
  #busy = false;
  #want = 0;
  able = true; // until the hub says that it cannot make any

  /** @param {HTMLElement} figure */
  constructor(figure) {
    this.figure = figure;
    this.canvas = /** @type {HTMLCanvasElement} */ (figure.querySelector("canvas"));
  }

  /** Shows the picture of a moment, once it is there. @param {number} ms */
  show(ms) {
    this.#want = ms;
    this.canvas.hidden = !this.able;
    const minute = Math.floor(ms / 60_000);
    if (this.#minutes.has(minute)) this.#draw(minute, ms);
    else if (!this.#busy && this.able) this.#fetch(minute);
  }

  hide() {
    this.#want = 0;
    this.canvas.hidden = true;
  }

  /** @param {number} minute @param {number} ms */
  #draw(minute, ms) {
    const sheet = this.#minutes.get(minute);
    const c = this.canvas.getContext("2d");
    if (!sheet || !c) return;
    const width = sheet.width / cells;
    this.canvas.width = width;
    this.canvas.height = sheet.height;
    c.drawImage(sheet, -Math.floor((ms % 60_000) / 10_000) * width, 0);
    this.canvas.dataset.at = String(ms);
  }

  /** @param {number} minute */
  async #fetch(minute) {
    this.#busy = true;
    try {
      const answer = await fetch(`${this.figure.dataset.media}strip.jpg?at=${new Date(minute * 60_000).toISOString()}`);
      if (answer.headers.has("Gatehouse-Picture")) this.able = false; // it has no decoder
      const sheet = answer.ok && answer.status === 200 ? await createImageBitmap(await answer.blob()) : null;
      this.#minutes.set(minute, sheet);
      if (this.#minutes.size > kept) this.#minutes.delete(/** @type {number} */ (this.#minutes.keys().next().value));
    } catch {
      this.#minutes.set(minute, null);
    }
    this.#busy = false;
    if (this.#want) this.show(this.#want);
  }
}

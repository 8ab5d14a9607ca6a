// <gh-trim>: sums up what is ticked, in the words of its data attributes, and
// shows pictures of it.
import { length, momentOf, stamp } from "./clock.mjs";

export class Trim extends HTMLElement {
  /** @type {WeakMap<Element, Promise<import("./cut.mjs").Cut>>} */ #cuts = new WeakMap();

  connectedCallback() {
    this.addEventListener("input", () => this.#sum());
    // What is sent is the moment that the pictures are of, with its offset.
    this.closest("form")?.addEventListener("formdata", (e) => {
      for (const f of /** @type {NodeListOf<HTMLInputElement>} */ (this.querySelectorAll("input[type=datetime-local]"))) {
        const zone = JSON.parse(f.closest("fieldset")?.dataset.zone ?? "[]"), ms = momentOf(f, zone);
        if (!Number.isNaN(ms)) e.formData.set(f.name, stamp(ms, zone));
      }
    });
    this.#sum();
  }

  #sum() {
    const out = this.querySelector("output.all");
    if (!out) return;
    let clips = 0, total = 0, bad = false;
    for (const set of this.querySelectorAll("fieldset")) {
      const on = /** @type {HTMLInputElement | null} */ (set.querySelector("input[name=clip]"));
      const fields = /** @type {HTMLInputElement[]} */ ([...set.querySelectorAll("input[type=datetime-local]")]);
      this.#cut(set, fields, on);
      if (!on?.checked) continue;
      const zone = JSON.parse(set.dataset.zone ?? "[]");
      const [from, to] = fields.map((f) => momentOf(f, zone));
      clips++;
      total += to - from;
      bad ||= !(to > from);
    }
    const word = clips === 0 ? "none" : bad ? "bad" : clips === 1 ? "single" : "more";
    out.textContent = (this.dataset[word] ?? "")
      .replace("{n}", String(clips))
      .replace("{long}", length(total / 1000));
  }

  /** Only what is ticked has pictures: nothing else is asked for. @param {HTMLFieldSetElement} set @param {HTMLInputElement[]} fields @param {HTMLInputElement | null} on */
  async #cut(set, fields, on) {
    const root = set.querySelector(".cut");
    if (!(root instanceof HTMLElement) || !on) return;
    let cut = this.#cuts.get(set);
    if (!cut && on.checked) this.#cuts.set(set, cut = import("./cut.mjs").then(({ Cut }) => new Cut(root, fields)));
    const shown = await cut;
    if (root.hidden === on.checked) shown?.show(on.checked);
  }
}

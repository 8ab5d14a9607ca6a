// <gh-trim>: sums up what is ticked, in the words of its data attributes.
import { length } from "./clock.mjs";

export class Trim extends HTMLElement {
  connectedCallback() {
    this.addEventListener("input", () => this.#sum());
    this.#sum();
  }

  #sum() {
    const out = this.querySelector("output");
    if (!out) return;
    let clips = 0, total = 0, bad = false;
    for (const set of this.querySelectorAll("fieldset")) {
      const on = /** @type {HTMLInputElement | null} */ (set.querySelector("input[name=clip]"));
      if (!on?.checked) continue;
      const [from, to] = [...set.querySelectorAll("input[type=datetime-local]")]
        .map((i) => Date.parse(/** @type {HTMLInputElement} */ (i).value + "Z"));
      clips++;
      total += to - from;
      bad ||= !(to > from);
    }
    const word = clips === 0 ? "none" : bad ? "bad" : clips === 1 ? "one" : "more";
    out.textContent = (this.dataset[word] ?? "")
      .replace("{n}", String(clips))
      .replace("{long}", length(total / 1000));
  }
}

// <gh-trim>: sums up what is ticked, in the words of its data attributes.

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

/** Writes seconds with the two largest units, as the pages do. @param {number} s */
function length(s) {
  const parts = [];
  for (const [unit, name] of /** @type {[number, string][]} */ ([[3600, "h"], [60, "min"], [1, "s"]])) {
    const n = Math.floor(s / unit);
    if (n > 0 && parts.length < 2) parts.push(`${n} ${name}`);
    else if (parts.length > 0) break;
    s -= n * unit;
  }
  return parts.join(" ") || "0 s";
}

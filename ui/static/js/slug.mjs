// Proposes a short name while a person types what they call something. The hub
// makes the same of a name that is left empty; what a person typed is left alone.

const letters = { ß: "ss", æ: "ae", œ: "oe", ø: "o", đ: "d", ð: "d", þ: "th", ł: "l", ı: "i" };

/**
 * A name of a-z, 0-9 and - for a label, none of the taken ones; as label.Slug of the hub.
 * @param {string} label @param {string} usual @param {string[]} taken
 */
export function slug(label, usual, taken) {
  const plain = label.toLowerCase().replace(/[ßæœøđðþłı]/g, (c) => letters[/** @type {keyof typeof letters} */ (c)]).normalize("NFD").replace(/[\p{M}'’]/gu, "");
  const trim = (/** @type {string} */ s) => s.replace(/^-+|-+$/g, "");
  let base = trim(trim(plain.replace(/[^a-z0-9]+/g, "-")).slice(0, 28));
  if (!/[a-z]/.test(base)) base = usual;
  let name = base;
  for (let n = 2; taken.includes(name); n++) name = `${base}-${n}`;
  return name;
}

/** Fills the names of the page's forms. */
export function proposeNames() {
  for (const name of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("input[data-slug]"))) {
    const label = /** @type {HTMLInputElement} */ (document.getElementById(name.dataset.slug ?? ""));
    const taken = (name.dataset.taken ?? "").split(" ");
    let typed = name.value !== "";
    name.addEventListener("input", () => { typed = name.value !== ""; });
    label.addEventListener("input", () => {
      if (!typed) name.value = label.value.trim() === "" ? "" : slug(label.value, name.dataset.usual ?? "", taken);
    });
  }
}

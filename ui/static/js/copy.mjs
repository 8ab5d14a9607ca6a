// <gh-copy>: a button beside each field that puts its text on the clipboard. A
// console without HTTPS has no clipboard interface; the text is selected then.

export class Copy extends HTMLElement {
  connectedCallback() {
    for (const input of this.querySelectorAll("input[readonly]")) {
      const field = /** @type {HTMLInputElement} */ (input);
      const label = this.querySelector(`label[for="${field.id}"]`)?.textContent ?? "";
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = this.dataset.copy ?? "";
      button.setAttribute("aria-label", `${button.textContent}: ${label}`);
      button.addEventListener("click", () => this.#copy(field, button));
      field.parentElement?.append(button);
    }
  }

  /** @param {HTMLInputElement} field @param {HTMLButtonElement} button */
  async #copy(field, button) {
    field.select();
    let done = false;
    try {
      await navigator.clipboard.writeText(field.value);
      done = true;
    } catch {
      done = document.execCommand("copy"); // deprecated, and all there is without a secure context
    }
    if (done) button.textContent = this.dataset.done ?? "";
  }
}

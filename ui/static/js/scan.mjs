// <gh-scan for="ID">: reads a QR code from a picture into a text field, where
// the browser can do that by itself. What it says is only ever text.

export class Scan extends HTMLElement {
  async connectedCallback() {
    const Detector = /** @type {any} */ (globalThis).BarcodeDetector;
    const into = /** @type {HTMLTextAreaElement | null} */ (document.getElementById(this.getAttribute("for") ?? ""));
    const input = this.querySelector("input");
    if (!Detector || !into || !input || !(await Detector.getSupportedFormats()).includes("qr_code")) return;
    this.hidden = false;
    const detector = new Detector({ formats: ["qr_code"] });
    input.addEventListener("change", async () => {
      const out = /** @type {HTMLOutputElement} */ (this.querySelector("output"));
      out.textContent = "";
      const file = input.files?.[0];
      if (!file) return;
      try {
        const [code] = await detector.detect(await createImageBitmap(file));
        if (!code) throw new Error("no code");
        into.value = code.rawValue.slice(0, into.maxLength);
        into.focus();
      } catch {
        out.textContent = this.dataset.none ?? "";
      }
    });
  }
}

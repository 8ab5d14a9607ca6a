// <gh-player live base streams still whep?>: a <video> that shows what is now and
// looks after itself (live.mjs). Recordings are <gh-watch>'s.
import { Live } from "./live.mjs";

export class Player extends HTMLElement {
  /** @type {Live | undefined} */ #inside;

  connectedCallback() {
    if (this.querySelector("video")) this.#inside = new Live(this);
  }

  disconnectedCallback() {
    this.#inside?.end();
    this.#inside = undefined;
  }
}

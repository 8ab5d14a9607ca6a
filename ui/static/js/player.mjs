// <gh-player src> or <gh-player live base streams still whep?>: a <video> that
// plays a recording (recorded.mjs), or what is now and looks after itself
// (live.mjs).
import { Live } from "./live.mjs";
import { Recorded } from "./recorded.mjs";

export class Player extends HTMLElement {
  /** @type {Live | Recorded | undefined} */ #inside;

  connectedCallback() {
    if (!this.querySelector("video")) return;
    this.#inside = this.hasAttribute("live") ? new Live(this) : new Recorded(this);
  }

  disconnectedCallback() {
    this.#inside?.end();
    this.#inside = undefined;
  }
}

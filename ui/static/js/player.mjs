// <gh-player src live? still?>: a <video> that plays. What `live` shows is of
// now and looks after itself (live.mjs); without it, src is a recording
// (recorded.mjs).
import { Live } from "./live.mjs";
import { Recorded } from "./recorded.mjs";

export class Player extends HTMLElement {
  /** @type {Live | Recorded | undefined} */ #inside;

  connectedCallback() {
    if (!this.querySelector("video") || !this.getAttribute("src")) return;
    this.#inside = this.hasAttribute("live") ? new Live(this) : new Recorded(this);
  }

  disconnectedCallback() {
    this.#inside?.end();
    this.#inside = undefined;
  }
}

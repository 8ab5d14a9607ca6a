// <gh-refresh src topic every until>: fetches a fragment when its topic has
// changed, at most every so many seconds, and puts its parts, elements with an
// id and data-part, in place of the page's. Where no ticks come it looks every
// so many seconds. It stops once an element with the id `until` is there.
//
// <gh-changed topic version>: shows what it holds once its topic is no longer at
// the version with which the page was drawn. Pages on which a person decides
// change only when that person wants them to.
import { subscribe, ticking } from "./events.mjs";

export class Refresh extends HTMLElement {
  /** @type {number | undefined} */ #timer;
  /** @type {(() => void) | undefined} */ #leave;
  #failures = 0;
  #version = "";
  #shown = "";
  #busy = false;

  connectedCallback() {
    if (this.#over()) return;
    const topic = this.getAttribute("topic") ?? "";
    if (topic) this.#leave = subscribe((tick) => { this.#version = tick[/** @type {keyof typeof tick} */ (topic)]; });
    document.addEventListener("visibilitychange", this.#seen);
    this.#wait();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#seen);
    clearTimeout(this.#timer);
    this.#leave?.();
  }

  #seen = () => {
    if (!document.hidden) this.#look();
  };

  #over() {
    const until = this.getAttribute("until");
    return Boolean(until && document.getElementById(until));
  }

  #wait() {
    clearTimeout(this.#timer);
    if (this.#over()) {
      this.disconnectedCallback();
      return;
    }
    const every = Number(this.getAttribute("every")) || 5;
    const back = Math.min(2 ** this.#failures, 20);
    this.#timer = setTimeout(() => this.#look(), every * back * 1000);
  }

  async #look() {
    clearTimeout(this.#timer);
    if (document.hidden || this.#busy) return; // visibilitychange looks again
    const version = this.#version;
    if (ticking() && version && version === this.#shown) {
      this.#wait();
      return;
    }
    this.#busy = true;
    try {
      const answer = await fetch(this.getAttribute("src") ?? "", { cache: "no-store" });
      if (answer.status === 401) {
        location.reload(); // the session ended: the server sends us to log-in
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      this.#place(new DOMParser().parseFromString(await answer.text(), "text/html"));
      this.#failures = 0;
      this.#shown = version;
    } catch {
      this.#failures++;
    } finally {
      this.#busy = false;
    }
    this.#wait();
  }

  /** @param {Document} fresh */
  #place(fresh) {
    for (const part of fresh.querySelectorAll("[data-part][id]")) {
      const old = document.getElementById(part.id);
      if (!old || old.innerHTML === part.innerHTML) continue;
      // A live region must stay the same element for its change to be heard.
      old.className = part.className;
      old.replaceChildren(...part.childNodes);
    }
  }
}

export class Changed extends HTMLElement {
  /** @type {(() => void) | undefined} */ #leave;

  connectedCallback() {
    const topic = this.getAttribute("topic") ?? "";
    const drawn = this.getAttribute("version");
    this.#leave = subscribe((tick) => {
      if (tick[/** @type {keyof typeof tick} */ (topic)] === drawn) return;
      for (const line of this.children) line.removeAttribute("hidden");
      this.#leave?.();
    });
  }

  disconnectedCallback() { this.#leave?.(); }
}

/** Keeps the count of waiting requests beside its place in the navigation. */
export function count() {
  const badge = document.querySelector("[data-count]");
  if (!(badge instanceof HTMLElement)) return;
  subscribe((tick) => {
    const n = Number(tick.waiting);
    badge.hidden = n === 0;
    const number = badge.querySelector("span"), text = n > 99 ? "99+" : String(n);
    if (number && number.textContent !== text) number.textContent = text; // a tick a second repaints nothing
  });
}

// <gh-refresh src every until>: fetches a fragment every so many seconds and
// puts its parts, elements with an id and data-part, in place of the page's.
// It stops once an element with the id `until` is there.

export class Refresh extends HTMLElement {
  /** @type {number | undefined} */ #timer;
  #failures = 0;

  connectedCallback() {
    document.addEventListener("visibilitychange", this.#seen);
    this.#wait();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#seen);
    clearTimeout(this.#timer);
  }

  #seen = () => {
    if (!document.hidden) this.#look();
  };

  #wait() {
    clearTimeout(this.#timer);
    const until = this.getAttribute("until");
    if (until && document.getElementById(until)) return;
    const every = Number(this.getAttribute("every")) || 5;
    const back = Math.min(2 ** this.#failures, 20);
    this.#timer = setTimeout(() => this.#look(), every * back * 1000);
  }

  async #look() {
    clearTimeout(this.#timer);
    if (document.hidden) return; // visibilitychange looks again
    try {
      const answer = await fetch(this.getAttribute("src") ?? "", { cache: "no-store" });
      if (answer.status === 401) {
        location.reload(); // the session ended: the server sends us to log-in
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      this.#place(new DOMParser().parseFromString(await answer.text(), "text/html"));
      this.#failures = 0;
    } catch {
      this.#failures++;
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

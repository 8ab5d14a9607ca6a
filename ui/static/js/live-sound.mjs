/** The one that is heard. @type {SoundButton | undefined} */
let heard;

/** The button that lets a camera be heard, one at a time. */
export class SoundButton {
  /** @type {HTMLButtonElement | null} */ #button;
  /** @type {HTMLVideoElement} */ #video;
  /** @type {() => void} */ #fetch;
  #has = false;

  /**
   * @param {HTMLElement} player
   * @param {HTMLVideoElement} video
   * @param {() => void} fetch gets sound where what plays has none
   */
  constructor(player, video, fetch) {
    const around = player.closest(".tile") ?? player;
    this.#button = around.querySelector("button.sound");
    this.#video = video;
    this.#fetch = fetch;
    this.#button?.addEventListener("click", this.#click);
    this.#button?.removeAttribute("hidden");
  }

  /** Says whether what plays now has sound. @param {boolean} has */
  offer(has) { this.#has = has; }

  /** Whether this one is heard. */
  get heard() { return heard === this; }

  off() {
    this.#video.muted = true;
    this.#button?.setAttribute("aria-pressed", "false");
    if (heard === this) heard = undefined;
  }

  end() {
    this.off();
    this.#button?.removeEventListener("click", this.#click);
  }

  #click = () => {
    if (heard === this) {
      this.off();
      return;
    }
    heard?.off();
    heard = this;
    this.#video.muted = false;
    this.#button?.setAttribute("aria-pressed", "true");
    if (!this.#has) this.#fetch();
  };
}

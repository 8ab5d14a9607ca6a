import { playHLS } from "./hls.mjs";
import { say } from "./mode.mjs";

/** A recording in a player, from its beginning. */
export class Recorded {
  #end;

  /** @param {HTMLElement} player */
  constructor(player) {
    const video = /** @type {HTMLVideoElement} */ (player.querySelector("video"));
    say(player, "connecting");
    this.#end = playHLS(video, player.getAttribute("src") ?? "", {
      options: { lowLatencyMode: false, backBufferLength: 30, startPosition: 0 },
      ready: () => say(player, "live"),
      failed: () => say(player, "still"),
    });
  }

  end() { this.#end(); }
}

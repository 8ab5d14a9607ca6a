// The one stream of a page: each second a tick says, for each topic, a number
// that changes when something about it did. It is open while the page is seen;
// a hidden tab would hold one of the few connections that a browser allows.

/** @typedef {{live: string, requests: string, request: string, delivery: string, waiting: string}} Tick */

/** @type {Set<(tick: Tick) => void>} */
const listeners = new Set();
/** @type {EventSource | undefined} */
let source;
let heard = 0, since = Date.now(); // when a tick came; when the page came to be seen

/** How long the page is seen and hears nothing, in ms. */
export const silence = () => document.hidden ? 0 : Date.now() - Math.max(heard, since);

/** Whether ticks come: who needs them looks for itself otherwise. */
export function ticking() { return Date.now() - heard < 5000; }

/** Calls with every tick, until the function that it returns is called. @param {(tick: Tick) => void} listener */
export function subscribe(listener) {
  listeners.add(listener);
  update();
  return () => {
    listeners.delete(listener);
    update();
  };
}

function update() {
  const want = listeners.size > 0 && !document.hidden;
  if (want && !source) {
    const about = document.querySelector("[data-request]")?.getAttribute("data-request");
    source = new EventSource(about ? `/events?request=${encodeURIComponent(about)}` : "/events");
    source.onmessage = (e) => {
      heard = Date.now();
      const tick = JSON.parse(e.data);
      for (const l of listeners) l(tick);
    };
    source.onerror = () => {
      // A browser gives up on an answer that is no stream: try once more, later.
      if (source?.readyState !== EventSource.CLOSED) return;
      source = undefined;
      setTimeout(update, 30_000);
    };
  } else if (!want && source) {
    source.close();
    source = undefined;
  }
}

document.addEventListener("visibilitychange", () => {
  since = Date.now();
  update();
});

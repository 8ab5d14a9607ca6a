// Says that the hub does not answer, while a page shows what it said last.
import { silence } from "./events.mjs";

const look = 2000;
const quiet = 8000; // a stream of ticks that ends for another reason is back sooner

/** Shows [data-lost] for as long as nothing answers. */
export function lost() {
  const line = document.querySelector("[data-lost]");
  if (!(line instanceof HTMLElement)) return;
  const text = line.querySelector("span");
  setInterval(async () => {
    if (line.hidden && silence() < quiet) return;
    const answers = silence() < quiet || await fetch("/manifest.webmanifest", { method: "HEAD", cache: "no-store" }).then(() => true, () => false);
    if (line.hidden !== answers && text) text.textContent = answers ? "" : line.dataset.lost ?? ""; // said aloud as it comes
    line.hidden = answers;
  }, look);
}

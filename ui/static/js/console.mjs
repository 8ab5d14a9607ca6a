// The console works without scripts: these elements add pictures that move and
// parts that keep themselves current.
import { Copy } from "./copy.mjs";
import { typedDay } from "./keep.mjs";
import { fullScreen } from "./live-full.mjs";
import { lost } from "./lost.mjs";
import { passkeys } from "./passkey.mjs";
import { Player } from "./player.mjs";
import { Changed, Refresh, count } from "./refresh.mjs";
import { Scan } from "./scan.mjs";
import { proposeNames } from "./slug.mjs";
import { Timeline } from "./timeline.mjs";
import { Trim } from "./trim.mjs";
import { Watch } from "./watch.mjs";
import { suggestZone } from "./zone.mjs";

customElements.define("gh-copy", Copy);
customElements.define("gh-player", Player);
customElements.define("gh-refresh", Refresh);
customElements.define("gh-changed", Changed);
customElements.define("gh-scan", Scan);
customElements.define("gh-timeline", Timeline);
customElements.define("gh-trim", Trim);
customElements.define("gh-watch", Watch);
// What a page or two need is loaded where it is needed.
if (document.querySelector("gh-area")) import("./area.mjs").then(({ Area }) => customElements.define("gh-area", Area));
count();
lost();
suggestZone();
proposeNames();
typedDay();
fullScreen();
passkeys();

if (window.isSecureContext && navigator.serviceWorker) {
  // Browsers refuse where they do not trust the hub's certificate; then there is none.
  navigator.serviceWorker.register(new URL("./worker.js", import.meta.url), { scope: "/" }).catch(() => {});
}

for (const b of document.querySelectorAll("[data-print]")) {
  b.removeAttribute("hidden");
  b.addEventListener("click", () => print());
}

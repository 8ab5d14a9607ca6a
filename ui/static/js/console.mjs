// The console works without scripts: these elements add pictures that move and
// parts that keep themselves current.
import { Player } from "./player.mjs";
import { Refresh } from "./refresh.mjs";
import { Trim } from "./trim.mjs";

customElements.define("gh-player", Player);
customElements.define("gh-refresh", Refresh);
customElements.define("gh-trim", Trim);

/**
 * Says in words what a player does: its line `.mode` has them as data attributes,
 * where {since} stands for a time.
 * @param {HTMLElement} player
 * @param {string} mode
 * @param {number} [since] in ms
 */
export function say(player, mode, since) {
  player.setAttribute("mode", mode);
  const line = player.querySelector(".mode");
  const text = line?.querySelector("span");
  if (!(line instanceof HTMLElement) || !text) return;
  const time = since ? new Date(since).toLocaleTimeString(document.documentElement.lang, { hourCycle: "h23" }) : "";
  text.textContent = (line.dataset[mode] ?? "").replace("{since}", time);
}

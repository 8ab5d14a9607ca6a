/**
 * Says in words what a player does: its line `.mode` has them as data attributes.
 * @param {HTMLElement} player
 * @param {string} mode
 */
export function say(player, mode) {
  player.setAttribute("mode", mode);
  const line = player.querySelector(".mode");
  const text = line?.querySelector("span");
  if (line instanceof HTMLElement && text) text.textContent = line.dataset[mode] ?? "";
}

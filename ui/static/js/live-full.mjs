/** <button data-full="selector">: shows an element on the whole screen. */
export function fullScreen() {
  for (const b of document.querySelectorAll("button[data-full]")) {
    const what = document.querySelector(b.getAttribute("data-full") ?? "");
    const video = /** @type {any} */ (what?.querySelector("video"));
    if (!what || !document.fullscreenEnabled && !video?.webkitEnterFullscreen) continue;
    b.removeAttribute("hidden");
    b.addEventListener("click", () => {
      if (!document.fullscreenEnabled) video.webkitEnterFullscreen(); // telephones show a video alone
      else if (document.fullscreenElement) document.exitFullscreen();
      else what.requestFullscreen();
    });
  }
}

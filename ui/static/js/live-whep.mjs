// The viewer's side of draft-ietf-wish-whep: an offer is posted, the answer has
// all there is to know, and the address it comes with ends the view.

/**
 * Why a view ended: the hub has no such codec ("codec"), the camera sends
 * nothing ("away"), the log-in ended ("login"), the hub said goodbye ("told"),
 * or no picture came ("silent").
 * @typedef {"codec" | "away" | "login" | "told" | "silent"} Why
 */

const look = 500;

/**
 * Shows a stream. `frame` is called with the first picture, `sound` when it is
 * known whether there is any, `ended` once. It returns what ends it.
 * @param {HTMLVideoElement} video
 * @param {string} url
 * @param {{ frame: () => void, sound: (has: boolean) => void, ended: (why: Why) => void, patience: number }} how
 * @returns {() => void}
 */
export function playWHEP(video, url, how) {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" }); // no ICE servers: nobody else is asked for the way
  let over = false;
  /** @type {string | null} */ let session = null;
  let frames = 0, seen = Date.now();

  const end = () => {
    if (over) return;
    over = true;
    clearInterval(watch);
    video.removeEventListener("loadeddata", first);
    pc.close();
    video.srcObject = null;
    leave(session);
  };
  /** @param {Why} why */
  const ended = (why) => {
    if (over) return;
    // The last picture is still there for whoever keeps it.
    how.ended(why);
    end();
  };
  const first = () => !over && how.frame();
  video.addEventListener("loadeddata", first);
  const watch = setInterval(() => {
    const n = video.getVideoPlaybackQuality().totalVideoFrames;
    if (n !== frames) [frames, seen] = [n, Date.now()];
    else if (Date.now() - seen > how.patience) ended("silent");
  }, look);

  const stream = new MediaStream();
  for (const kind of ["video", "audio"]) {
    const { receiver } = pc.addTransceiver(kind, { direction: "recvonly" });
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
  }
  pc.ontrack = (e) => {
    stream.addTrack(e.track);
    e.receiver.transport?.addEventListener("statechange", () => {
      if (e.receiver.transport?.state === "closed") ended("told");
    });
  };
  pc.onconnectionstatechange = () => {
    if (pc.connectionState === "failed") ended("silent");
    if (pc.connectionState === "closed") ended("told");
  };
  ask(pc, url).then(async ({ answer, at, why }) => {
    session = at;
    if (over) leave(at);
    else if (why) ended(why);
    else {
      await pc.setRemoteDescription({ type: "answer", sdp: answer });
      if (over) return;
      video.srcObject = stream;
      how.sound(stream.getAudioTracks().length > 0);
      await video.play();
    }
  }).catch(() => ended("silent"));
  return end;
}

/**
 * @param {RTCPeerConnection} pc @param {string} url
 * @returns {Promise<{answer: string, at: string | null, why?: Why}>}
 */
async function ask(pc, url) {
  await pc.setLocalDescription();
  const res = await fetch(url, {
    method: "POST", headers: { "Content-Type": "application/sdp" }, body: pc.localDescription?.sdp, cache: "no-store",
  });
  const answer = await res.text();
  const why = /** @type {Record<number, Why>} */ ({ 401: "login", 406: "codec", 409: "away" })[res.status];
  return { answer, at: res.headers.get("Location"), why: why ?? (res.ok ? undefined : "silent") };
}

/** @param {string | null} session */
function leave(session) {
  if (session) fetch(session, { method: "DELETE", keepalive: true }).catch(() => {});
}

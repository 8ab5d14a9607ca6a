// The service worker of the console keeps its static files and nothing else:
// pages, pictures and video are private and are never stored. It is only there
// where the browser trusts the hub's certificate; nothing depends on it.

const tree = new URL("..", self.location.href).pathname; // /static/<hash of the files>/

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (e) => e.waitUntil((async () => {
  for (const name of await caches.keys()) if (name !== tree) await caches.delete(name);
  await self.clients.claim();
})()));

self.addEventListener("fetch", (e) => {
  const url = new URL(e.request.url);
  if (e.request.method !== "GET" || url.origin !== self.location.origin || !url.pathname.startsWith(tree)) return;
  e.respondWith((async () => {
    const kept = await caches.open(tree);
    const had = await kept.match(e.request);
    if (had) return had;
    const answer = await fetch(e.request);
    if (answer.status === 200) await kept.put(e.request, answer.clone());
    return answer;
  })());
});

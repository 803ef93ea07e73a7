/**
 * Keeps the shell of the officer's page, so that it opens without a network: the document and the assets it names.
 * Data is never kept: whatever is not the document or an asset passes by untouched.
 */

const SHELL = "tianshu-shell-1";
const MOST_ASSETS = 80;

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => {
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name)))).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(fresh(request));
  else if (url.pathname.startsWith("/assets/")) event.respondWith(kept(request));
});

/** The document as it is now; without a network, as it was. */
async function fresh(request) {
  const shell = await caches.open(SHELL);
  try {
    const answer = await fetch(request);
    if (answer.ok) await shell.put("/officer", answer.clone());
    return answer;
  } catch {
    return (await shell.match("/officer")) ?? Response.error();
  }
}

/** An asset never changes: its name holds the hash of its content. The oldest make room. */
async function kept(request) {
  const shell = await caches.open(SHELL);
  const known = await shell.match(request);
  if (known) return known;
  const answer = await fetch(request);
  if (answer.ok) {
    await shell.put(request, answer.clone());
    const assets = (await shell.keys()).filter((one) => new URL(one.url).pathname.startsWith("/assets/"));
    for (const old of assets.slice(0, Math.max(0, assets.length - MOST_ASSETS))) await shell.delete(old);
  }
  return answer;
}

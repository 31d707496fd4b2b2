/* Opens the teaching desk without a network: the shell page and its files are kept, never anybody's data (that lies,
   encrypted, in the store of offline-store.js). Static files carry a version, so what is kept never grows old. */
(() => {
  'use strict';
  const { shell, files } = self.Stillpoint;
  const NAME = 'stillpoint-shell';

  self.addEventListener('install', event => {
    event.waitUntil((async () => {
      const cache = await caches.open(NAME);
      await Promise.all(files.map(async file => {
        if (!await cache.match(file)) await cache.add(file);
      }));
      // Asked for without a cookie: the page that is kept knows nobody.
      const page = await fetch(shell, { credentials: 'omit', cache: 'reload' });
      if (!page.ok) throw new Error(`shell: ${page.status}`);
      await cache.put(shell, page);
      await self.skipWaiting();
    })());
  });

  self.addEventListener('activate', event => {
    event.waitUntil((async () => {
      const cache = await caches.open(NAME);
      const wanted = new Set([shell, ...files].map(file => new URL(file, location.origin).href));
      for (const request of await cache.keys()) if (!wanted.has(request.url)) await cache.delete(request);
      await self.clients.claim();
    })());
  });

  /* A bad network may neither answer nor fail for minutes. The pages that this phone keeps open without it then. */
  const ROLLS = /^\/teaching\/$|\/meetings\/\d+\/roll$/;
  const PATIENCE = 8000;
  const isKept = async path => {
    const { store } = self.Stillpoint;
    try {
      const own = await store.owner();
      return Boolean(own && await store.pageOf(own, path));
    } catch { return false; }
  };
  const inTime = async request => {
    const answer = fetch(request);
    const path = new URL(request.url).pathname;
    if (!ROLLS.test(path)) return answer;
    answer.catch(() => {});
    const first = await Promise.race([answer, new Promise(done => setTimeout(done, PATIENCE, null))]);
    if (!first && await isKept(path)) throw new Error('no answer');
    return first || answer;
  };

  const navigate = async request => {
    const kept = () => caches.match(shell, { cacheName: NAME });
    try {
      const answer = await inTime(request);
      return [502, 503, 504].includes(answer.status) ? await kept() || answer : answer;
    } catch (error) {
      const page = await kept();
      if (page) return page;
      throw error;
    }
  };

  self.addEventListener('fetch', event => {
    const { request } = event;
    const url = new URL(request.url);
    if (request.method !== 'GET' || url.origin !== location.origin) return;
    if (request.mode === 'navigate') event.respondWith(navigate(request));
    else if (url.pathname.startsWith('/static/')) {
      event.respondWith((async () => await caches.match(request, { cacheName: NAME }) || fetch(request))());
    }
  });

  /* Where the browser can, marks are sent in the background once the network is back, page open or not. */
  self.addEventListener('sync', event => {
    if (event.tag === 'send-rolls') event.waitUntil(self.Stillpoint.sendRolls());
  });
})();

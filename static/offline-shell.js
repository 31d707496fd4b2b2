/* The page that opens when there is no network: fills itself from what this phone keeps for its owner. */
(() => {
  'use strict';
  const Stillpoint = globalThis.Stillpoint ??= {};
  const { store } = Stillpoint;
  const main = document.getElementById('main');

  /* The shell knows nobody, so it offers to sign in; whose phone this is needs no telling, and it could not be done here. */
  const hideSignIn = () => document.querySelector('.masthead a[href*="/accounts/login"]')?.remove();

  const show = page => {
    const strip = document.getElementById('offline-strip').content.cloneNode(true);
    document.title = page.title;
    main.replaceChildren(...new DOMParser().parseFromString(page.html, 'text/html').body.childNodes);
    (main.querySelector('.wrap') || main).prepend(strip);
  };

  const list = async own => {
    const pages = (await store.allPages(own)).filter(page => page.name);
    const box = document.getElementById('kept-rolls');
    if (!pages.length) return;
    box.removeAttribute('hidden');
    box.querySelector('ul').replaceChildren(...pages.map(page => {
      const item = document.createElement('li'), link = document.createElement('a');
      Object.assign(link, { href: page.path, textContent: page.name });
      item.append(link);
      return item;
    }));
  };

  const start = async () => {
    const own = store.able && await store.owner();
    if (!own) return;
    hideSignIn();
    const page = await store.pageOf(own, location.pathname);
    if (!page) { await list(own); return; }
    show(page);
    const form = document.getElementById('roll');
    if (!form) return;
    form.roll = Stillpoint.roll(form);
    await Stillpoint.offlineRoll(form, own, { live: false });
    document.documentElement.dataset.ready = 'offline';
  };
  addEventListener('DOMContentLoaded', () => { start().catch(error => console.info('nothing kept:', error)); });
})();

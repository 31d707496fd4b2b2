/* On every page of the teaching desk: get this phone ready for a room without a network, and send what waits. */
(() => {
  'use strict';
  const Stillpoint = globalThis.Stillpoint ??= {};
  const { store } = Stillpoint;
  const user = Number(document.body.dataset.user);
  if (!user) return;

  const owner = async () => {
    const own = await store.owner();
    if (own?.user === user) {
      localStorage.setItem('stillpoint-offline', user);
      return own;
    }
    const greeted = await Stillpoint.greet();
    return greeted.user === user ? greeted : null;
  };

  /* Today's rolls, so that one that was never opened opens without a network too. */
  const keepRolls = async own => {
    for (const link of document.querySelectorAll('a[data-keep-roll]')) {
      const answer = await fetch(`${link.href}?offline=1`, { headers: { Accept: 'text/html' }, credentials: 'same-origin' });
      if (!answer.ok || answer.redirected) continue;
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const form = page.querySelector('#roll[data-clean]');
      if (!form) continue;
      const { path, title } = form.dataset;
      Stillpoint.setClock(form);
      await store.keepPage(own, path, { title: page.title, name: title, html: page.getElementById('main').innerHTML });
    }
    if (document.getElementById('teaching')) {
      const main = document.getElementById('main').cloneNode(true);
      main.querySelectorAll('.flashes').forEach(part => part.remove());
      await store.keepPage(own, location.pathname, { title: document.title, name: '', html: main.innerHTML });
    }
  };

  /* What the server will never take (the class is another's now) can be let go, after a second look. */
  const discard = (own, roll) => {
    const part = document.getElementById('t-discard').content.cloneNode(true);
    part.querySelector('button').addEventListener('click', async () => {
      await store.changeMarks(own, roll.path, kept => { kept.marks = {}; });
      await tellWaiting(own);
    });
    return part;
  };

  const tellWaiting = async own => {
    const box = document.getElementById('waiting-rolls');
    if (!box) return;
    const rolls = (await store.allMarks(own)).filter(roll => Object.keys(roll.marks).length);
    box.toggleAttribute('hidden', !rolls.length);
    box.querySelector('ul').replaceChildren(...rolls.map(roll => {
      const item = document.createElement('li'), link = document.createElement('a');
      Object.assign(link, { href: roll.path, textContent: roll.title });
      item.append(link);
      const refused = Object.values(roll.marks).map(mark => mark.refused);
      const told = [...new Set([roll.problem, ...refused].filter(Boolean))].join(' ');
      if (told) item.append(`: ${told}`, discard(own, roll));
      return item;
    }));
  };

  /* What was saved here and not sent goes out before its user does: they may never sign in on this phone again. */
  const sendBeforeLeaving = () => {
    const form = document.querySelector('.masthead form[method=post]');
    let tried = false;
    form?.addEventListener('submit', event => {
      if (tried) return;
      event.preventDefault();
      tried = true;
      const patience = new Promise(done => setTimeout(done, 4000));
      Promise.race([Stillpoint.sendRolls(), patience]).finally(() => form.requestSubmit());
    });
  };

  const start = async () => {
    const form = document.getElementById('roll');
    const own = store.able && await owner().catch(() => null);
    if (!own) {
      if (form?.roll) Stillpoint.withoutKeeping(form);
      return;
    }
    sendBeforeLeaving();
    /* Without one the roll is still kept as it is marked, and only opens again with a network. */
    const worker = navigator.serviceWorker?.register('/teaching/sw.js', { scope: '/teaching/' })
      .catch(error => console.info('no page without a network:', error));
    if (form?.roll) await Stillpoint.offlineRoll(form, own, { live: true });
    else {
      await Stillpoint.sendRolls();
      await tellWaiting(own);
    }
    await store.dropOldPages(own);
    await keepRolls(own);
    await worker;
    document.documentElement.dataset.ready = 'offline';
  };
  addEventListener('DOMContentLoaded', () => { start().catch(error => console.info('not kept for offline use:', error)); });
})();

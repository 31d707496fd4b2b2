/* What every page may use. Each part only adds comfort: without it the page does the same in one more step. */
(() => {
  'use strict';

  /* An error summary takes the focus, so that it is read first and its links are at hand. */
  document.querySelector('[data-focus]')?.focus();

  /* Sending a form twice is the commonest accident there is. A second try is let through after ten seconds,
     because an answer may also be a file, and then this page stays. `data-repeat` on a form switches this off. */
  const rest = new Map();
  const release = form => {
    const held = rest.get(form);
    if (!held) return;
    clearTimeout(held.timer);
    if (held.button) { held.button.removeAttribute('aria-busy'); held.button.replaceChildren(...held.content); }
    rest.delete(form);
  };
  document.addEventListener('submit', event => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== 'post' || 'repeat' in form.dataset) return;
    if (rest.has(form)) { event.preventDefault(); return; }
    const button = event.submitter;
    const held = { button, timer: setTimeout(release, 10000, form) };
    rest.set(form, held);
    if (!button || !button.classList.contains('btn')) return;
    held.content = [...button.childNodes];
    button.setAttribute('aria-busy', 'true');
    button.replaceChildren(button.dataset.saving || document.body.dataset.saving || '…');
  });
  addEventListener('pageshow', event => { if (event.persisted) [...rest.keys()].forEach(release); });

  /* A link with `data-dialog` leads to a confirmation page; its form opens here, over the page it is about. */
  const openDialog = async link => {
    const answer = await fetch(link.href, { headers: { Accept: 'text/html' }, credentials: 'same-origin' });
    const form = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('[data-confirm]');
    if (!answer.ok || !form) { location.assign(link.href); return; }
    const dialog = document.createElement('dialog');
    dialog.className = 'dialog';
    dialog.setAttribute('aria-labelledby', 'confirm-title');
    form.classList.remove('panel');
    dialog.append(document.importNode(form, true));
    dialog.addEventListener('close', () => { dialog.remove(); link.focus(); });
    dialog.addEventListener('click', event => {
      if (event.target.closest('[data-close]')) { event.preventDefault(); dialog.close(); }
    });
    document.body.append(dialog);
    dialog.showModal();
    // an answer to type comes first; else the way back, never the act itself
    dialog.querySelector('input:not([type=hidden]), textarea, select, [data-close]')?.focus();
  };
  document.addEventListener('click', event => {
    const link = event.target.closest?.('a[data-dialog]');
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    openDialog(link).catch(() => location.assign(link.href));
  });

  /* A wide table opens at its current column; newer browsers do it from the stylesheet alone. */
  if (!CSS.supports('scroll-initial-target', 'nearest')) document.fonts.ready.then(() => {
    document.querySelectorAll('.scroller').forEach(scroller => {
      const now = (scroller.querySelector('.matrix--over thead .flag') || scroller.querySelector('thead .now'))?.getBoundingClientRect();
      const head = scroller.querySelector('thead th')?.getBoundingClientRect();
      if (!now || scroller.scrollWidth <= scroller.clientWidth) return;
      const rtl = getComputedStyle(scroller).direction === 'rtl';
      scroller.scrollLeft += rtl ? now.right - head.left : now.left - head.right;
    });
  });

  /* A phone's clock may be wrong by hours. A roll comes with the server's time; the difference is kept with it, also where it
     opens without a network later. Small ones are the time that the page took. */
  const Stillpoint = globalThis.Stillpoint ??= {};
  Stillpoint.setClock = form => {
    const { now } = form.dataset;
    if (!now) return;
    const ahead = Number(now) - Date.now() / 1000;
    form.dataset.skew = Math.abs(ahead) > 90 ? Math.round(ahead) : 0;
    delete form.dataset.now;
  };
  Stillpoint.timeFor = form => new Date(Date.now() + 1000 * (Number(form.dataset.skew) || 0));

  /* What this phone keeps of rolls (offline-store.js) is for whoever is signed in; when that is somebody else or nobody,
     the key and the pages go. Marks that were not sent stay, unreadable without the key. */
  const forget = () => {
    const request = indexedDB.open('stillpoint-offline');
    request.onsuccess = () => {
      const kept = request.result;
      const stores = ['state', 'pages'].filter(name => kept.objectStoreNames.contains(name));
      const done = () => { kept.close(); localStorage.removeItem('stillpoint-offline'); };
      if (!stores.length) { done(); return; }
      const transaction = kept.transaction(stores, 'readwrite');
      stores.forEach(name => transaction.objectStore(name).clear());
      transaction.oncomplete = done;
    };
  };
  try {
    const keptFor = localStorage.getItem('stillpoint-offline');
    const { user } = document.body.dataset;
    if (keptFor && user !== undefined && user !== keptFor) forget();
  } catch { /* storage is switched off: nothing is kept either */ }
})();

/* What this phone keeps while there is no network: pages of today's rolls, and marks that were not sent yet.
   Everything is encrypted (AES-GCM) under a key that the server gives only to the same user. The key lies here as long as
   that user is signed in, in a form that cannot be read out; `forget` removes it with the pages. Marks that were not sent
   stay, unreadable, until their user signs in again. Serves pages and the service worker alike. */
(() => {
  'use strict';
  const Stillpoint = globalThis.Stillpoint ??= {};
  const NAME = 'stillpoint-offline';
  const able = Boolean(globalThis.indexedDB && globalThis.crypto?.subtle && globalThis.navigator?.locks);

  const asked = request => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

  let opened;
  const open = () => opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      for (const [store, keyPath] of [['state', 'id'], ['pages', 'id'], ['marks', 'id']]) {
        request.result.createObjectStore(store, { keyPath });
      }
    };
    request.onsuccess = () => {
      request.result.onversionchange = () => { request.result.close(); opened = undefined; };
      resolve(request.result);
    };
    request.onerror = () => { opened = undefined; reject(request.error); };
  });

  const on = async (store, mode, work) => {
    const transaction = (await open()).transaction(store, mode);
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
    const result = await asked(work(transaction.objectStore(store)));
    await done;
    return result;
  };
  const get = (store, id) => on(store, 'readonly', s => s.get(id));
  const all = store => on(store, 'readonly', s => s.getAll());
  const put = (store, row) => on(store, 'readwrite', s => s.put(row));
  const remove = (store, id) => on(store, 'readwrite', s => s.delete(id));

  /* Who this phone belongs to at present: { user, key }, or nothing. */
  const owner = async () => {
    const row = await get('state', 'owner');
    return row ? { user: row.user, key: row.key } : null;
  };
  const adopt = async (user, key) => {
    const bytes = Uint8Array.from(atob(key), char => char.charCodeAt(0));
    const usable = await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
    const before = await owner();
    if (before?.user === user) return before;   // the same key; nothing to write where no room may be left
    if (before) await forget();
    await put('state', { id: 'owner', user, key: usable });
    try { localStorage.setItem(NAME, user); } catch { /* a worker has none; the page sets it */ }
    return { user, key: usable };
  };
  const forget = async () => {
    await Promise.all([on('state', 'readwrite', s => s.clear()), on('pages', 'readwrite', s => s.clear())]);
    try { localStorage.removeItem(NAME); } catch { /* a worker has none */ }
  };

  /* The row's own address is bound to its text, so that one cannot be put in another's place. */
  const seal = async (store, id, own, value) => {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const text = new TextEncoder().encode(JSON.stringify(value));
    const additionalData = new TextEncoder().encode(`${store} ${id}`);
    const data = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, own.key, text);
    await put(store, { id, user: own.user, iv, data });
  };
  const unseal = async (store, row, own) => {
    const additionalData = new TextEncoder().encode(`${store} ${row.id}`);
    const text = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: row.iv, additionalData }, own.key, row.data);
    return JSON.parse(new TextDecoder().decode(text));
  };
  /* A row that this key does not open (another school on this address, a damaged one) is as good as none. */
  const opens = async (store, row, own) => {
    if (!row || row.user !== own.user) return null;
    try { return await unseal(store, row, own); } catch { return null; }
  };
  const read = async (store, id, own) => opens(store, await get(store, id), own);
  const readAll = async (store, own) =>
    (await Promise.all((await all(store)).map(row => opens(store, row, own)))).filter(Boolean);

  /* Marks of one roll: { code, meeting, number, title, path, revision, problem, marks: { enrollment: mark } }, a mark being
     { status, minutes, remark, made_at, key, seen, ready, refused }; `ready` once Save was pressed, `seen` the revision that its
     page showed. A remark of null leaves what stands. Changed by one page at a time. */
  const marksId = (own, path) => `${own.user} ${path}`;
  const changeMarks = (own, path, change) => navigator.locks.request('stillpoint-marks', async () => {
    const id = marksId(own, path);
    const roll = await read('marks', id, own) || { path, marks: {} };
    const result = await change(roll);
    if (Object.keys(roll.marks).length) await seal('marks', id, own, roll);
    else await remove('marks', id);
    return result === undefined ? roll : result;
  });
  const marksOf = (own, path) => read('marks', marksId(own, path), own);
  const allMarks = own => readAll('marks', own);

  /* The revision that the server told about a roll, perhaps while no page was there to hear it. */
  const heard = (own, path, revision) => put('state', { id: `heard ${path}`, user: own.user, revision });
  const lastHeard = async (own, path) => {
    const row = await get('state', `heard ${path}`);
    return row?.user === own.user ? row.revision : 0;
  };

  /* Pages as the server last sent them; those of earlier days go. */
  const keepPage = (own, path, page) => seal('pages', path, own, { ...page, path, kept_at: Date.now() });
  const pageOf = (own, path) => read('pages', path, own);
  const allPages = own => readAll('pages', own);
  const dropOldPages = async own => {
    for (const page of await allPages(own)) if (Date.now() - page.kept_at > 36 * 3600e3) await remove('pages', page.path);
  };

  Stillpoint.store = {
    able, owner, adopt, forget, changeMarks, marksOf, allMarks, heard, lastHeard,
    keepPage, pageOf, allPages, dropOldPages,
  };
})();

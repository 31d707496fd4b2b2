/* The roll without a network: every mark is kept on this phone as it is made, "Save" sends what can be sent, and the pill
   says truthfully where the marks are: not saved, on this phone, saved. Needs roll.js, offline-store.js, offline-sync.js. */
(() => {
  'use strict';
  const Stillpoint = globalThis.Stillpoint ??= {};
  const TIMED = ['late', 'left_early'];
  const EVERY = 20000;

  /* `own` is who this phone belongs to; `live` is false in the shell, where the page is a kept one. */
  Stillpoint.offlineRoll = async (form, own, { live }) => {
    const { store } = Stillpoint;
    const { roll } = form;
    const path = form.dataset.path;
    const revision = form.elements.revision;
    const needsReason = Boolean(form.elements.reason);
    const background = 'serviceWorker' in navigator && 'SyncManager' in globalThis;
    let waiting = new Map();   // enrollment id → mark that was saved here and not sent yet
    let where = '';            // what the last attempt to send met: '', 'offline', 'signed-out'
    let savedAt = '';
    let nothing = '';          // Save was pressed and there was nothing to save
    let busy = Promise.resolve();
    form.dataset.kept = 'yes';

    /* ---- the pill */
    const first = roll.pill();
    const paintPill = unsaved => {
      if (unsaved) roll.say('unsaved', 'status--wait', roll.words('unsaved', unsaved));
      else if (waiting.size) {
        const text = [roll.words('phone', waiting.size)];
        if (where === 'signed-out') text.push(form.dataset.signedOut);
        else if (!background) text.push(form.dataset.whileOpen);
        roll.say('phone', 'status--stop', text.join(' '));
      } else if (nothing) roll.say('unsaved', '', nothing);
      else if (savedAt) roll.say('saved', 'status--ok', form.dataset.saved.replace('#', savedAt));
      else roll.restore(first);
      form.querySelector('#sign-in-again')?.toggleAttribute('hidden', where !== 'signed-out' || !waiting.size);
    };
    roll.paintPill = paintPill;

    /* ---- what is on the page, as it would come from the server */
    const snapshot = () => {
      const copy = document.getElementById('main').cloneNode(true);
      copy.querySelectorAll('.flashes, .offline-strip').forEach(part => part.remove());
      copy.querySelector('#offline-says').toggleAttribute('hidden', true);
      const theirs = copy.querySelector('#roll');
      for (const row of roll.rows) {
        const settled = roll.baseline(row);
        theirs.querySelectorAll(`[name="status-${row.dataset.id}"]`).forEach(radio => {
          radio.toggleAttribute('checked', radio.value === settled.status);
        });
        theirs.querySelector(`[name="minutes-${row.dataset.id}"]`).setAttribute('value', settled.minutes);
        const remark = theirs.querySelector(`[name="remark-${row.dataset.id}"]`);
        remark?.setAttribute('value', settled.remark);
        remark?.closest('details').toggleAttribute('open', Boolean(settled.remark));
      }
      theirs.elements.revision.setAttribute('value', revision.value);
      return { title: document.title, name: form.dataset.title, html: copy.innerHTML };
    };

    /* ---- marks, kept as they are made */
    const next = work => (busy = busy.then(work, work));
    const describe = kept => {
      if (!Object.keys(kept.marks).length) kept.revision = Number(revision.value);
      Object.assign(kept, { code: form.dataset.code, number: Number(form.dataset.number), title: form.dataset.title });
    };
    let touched = new Set();
    const keep = () => next(async () => {
      const rows = touched;
      touched = new Set();
      if (!rows.size) return;
      await store.changeMarks(own, path, kept => {
        describe(kept);
        for (const row of rows) {
          const now = roll.read(row), { id } = row.dataset;
          const remarked = now.remark !== roll.baseline(row).remark;
          waiting.delete(id);
          if (!roll.differs(row) || !(now.status || remarked)) { delete kept.marks[id]; continue; }
          kept.marks[id] = {
            status: now.status, minutes: TIMED.includes(now.status) ? now.minutes : '', remark: remarked ? now.remark : null,
            made_at: new Date().toISOString(), key: crypto.randomUUID(), ready: false,
          };
        }
      });
      roll.paint();
    });
    form.addEventListener('roll:marked', event => {
      nothing = '';
      touched.add(event.detail.row);
      if (touched.size === 1) queueMicrotask(keep);
    });

    /* ---- marks that were kept before: shown again, as saved here or as not saved */
    const restore = async () => {
      await store.changeMarks(own, path, kept => {
        for (const [id, mark] of Object.entries(kept.marks)) {
          const row = roll.row(id);
          if (!row) continue;
          const now = roll.read(row);
          const remark = mark.remark ?? now.remark;
          if (now.status === mark.status && now.remark === remark && (!TIMED.includes(mark.status) || now.minutes === mark.minutes)) {
            if (live) { delete kept.marks[id]; continue; }
          }
          if (mark.status) roll.mark(row, mark.status, TIMED.includes(mark.status) ? mark.minutes : undefined);
          if (remark !== now.remark) roll.writeRemark(row, remark);
          if (mark.refused) tell(row, mark.refused);
          if (mark.ready) { roll.settled(row, { sent: false }); waiting.set(id, mark); }
        }
      });
      roll.paint();
    };

    const tell = (row, words) => {
      const place = row.querySelector('.error');
      place.querySelector('span').textContent = words;
      place.removeAttribute('hidden');
      row.querySelector('.roll__mins input').setAttribute('aria-invalid', 'true');
    };
    const announce = words => {
      const box = form.querySelector('#offline-says');
      const news = words && box.querySelector('p').textContent !== words;
      box.querySelector('p').textContent = words;
      box.toggleAttribute('hidden', !words);
      if (news) box.scrollIntoView({ block: 'center' });   // Save is pressed far below it
    };

    /* ---- sending */
    const after = async ({ outcome, results }) => {
      where = outcome === 'offline' || outcome === 'signed-out' ? outcome : '';
      const mine = results.find(result => result.path === path);
      const kept = await store.marksOf(own, path).catch(() => null);
      const marks = kept?.marks || {};
      for (const id of [...waiting.keys()]) {
        if (marks[id]?.ready) continue;
        waiting.delete(id);
        const row = roll.row(id);
        if (marks[id]?.refused) { roll.unsettled(row); tell(row, marks[id].refused); }
        else if (row) roll.settled(row, { sent: true });
      }
      announce(mine?.problem || '');
      if (mine && !mine.problem) {
        revision.value = mine.revision;
        savedAt = new Date().toLocaleTimeString(document.documentElement.lang,
          { hour: 'numeric', minute: '2-digit', timeZone: form.dataset.zone });   // the clock of the class, as everywhere on the page
        roll.paint();
        await store.keepPage(own, path, snapshot());
        /* Two people said something else: the server's page shows both and asks. */
        if (mine.differences.length) { location.reload(); return; }
      }
      if (waiting.size && where) navigator.storage?.persist?.().catch(() => {});   // not to be thrown away when room is short
      if (waiting.size && background && where === 'offline') {
        navigator.serviceWorker.ready.then(worker => worker.sync.register('send-rolls')).catch(() => {});
      }
      roll.paint();
    };
    const send = () => next(async () => after(await Stillpoint.sendRolls()));

    const within = text => /^\d{1,4}$/.test(text) && Number(text) >= Math.min(1, roll.credit) && Number(text) <= roll.credit;
    const incomplete = () => roll.changed().find(row => {
      const now = roll.read(row);
      if (TIMED.includes(now.status)) return !within(now.minutes);
      return !now.status && now.remark !== roll.baseline(row).remark;
    });
    form.addEventListener('submit', event => {
      if (needsReason || event.submitter?.name === 'all') return;
      event.preventDefault();
      const lacking = incomplete();
      if (lacking) {
        const marked = roll.read(lacking).status;
        tell(lacking, marked ? form.dataset.giveMinutes : form.dataset.giveMark);
        lacking.querySelector(marked ? '.roll__mins input' : '[type=radio]').focus();
        return;
      }
      keep();
      next(async () => {
        await store.changeMarks(own, path, kept => {
          for (const [id, mark] of Object.entries(kept.marks)) {
            const row = roll.row(id);
            if (!row || !mark.status) continue;
            Object.assign(mark, { ready: true, refused: '' });
            waiting.set(id, mark);
            roll.settled(row, { sent: false });
          }
        });
        if (waiting.size) roll.say('sending', '', form.dataset.sending);
        else if (!savedAt) nothing = form.dataset[roll.rows.some(row => roll.baseline(row).status) ? 'nothingNew' : 'nothingMarked'];
      });
      send();
    });

    Stillpoint.channel.addEventListener('message', event => { next(() => after(event.data)); });

    const again = () => { if (waiting.size && !needsReason) send(); };
    addEventListener('online', again);
    setInterval(again, EVERY);
    document.addEventListener('visibilitychange', () => { if (!document.hidden) again(); });

    if (live) {
      /* Marks were sent while this page was on its way: what it shows is older than what the server said since. */
      if (await store.lastHeard(own, path) > Number(revision.value)) { location.reload(); return; }
      if ('clean' in form.dataset) await store.keepPage(own, path, snapshot());
    }
    await restore();
    again();
  };
})();

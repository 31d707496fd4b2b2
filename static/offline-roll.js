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
    let sending = 0;
    form.dataset.kept = 'yes';
    /* No room left on this phone: said, and Save goes another way until there is some (offline-without.js). */
    const keeps = able => {
      if (able) form.dataset.kept = 'yes'; else delete form.dataset.kept;
      Stillpoint.withoutKeeping(form, !able);
    };

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
      Object.assign(kept, { code: form.dataset.code, meeting: Number(form.dataset.meeting), number: Number(form.dataset.number), title: form.dataset.title });
    };
    let touched = new Set();
    const keep = () => next(async () => {
      const rows = touched;
      touched = new Set();
      if (!rows.size) return;
      try {
        await store.changeMarks(own, path, kept => {
          describe(kept);
          for (const row of rows) {
            const now = roll.read(row), { id } = row.dataset;
            const remarked = now.remark !== roll.baseline(row).remark;
            if (!roll.differs(row) || !(now.status || remarked)) { delete kept.marks[id]; continue; }
            kept.marks[id] = {
              status: now.status, minutes: TIMED.includes(now.status) ? now.minutes : '', remark: remarked ? now.remark : null,
              made_at: Stillpoint.timeFor(form).toISOString(), key: crypto.randomUUID(), seen: Number(revision.value), ready: false,
            };
          }
        });
        for (const row of rows) waiting.delete(row.dataset.id);
        keeps(true);
      } catch {
        for (const row of rows) touched.add(row);
        keeps(false);
      }
      roll.paint();
    });
    form.addEventListener('roll:marked', event => {
      nothing = '';
      if (!touched.size || !form.dataset.kept) queueMicrotask(keep);
      touched.add(event.detail.row);
    });

    /* ---- marks that were kept before: shown again, as saved here or as not saved */
    const restore = async () => {
      const gone = new Set();
      await store.changeMarks(own, path, kept => {
        for (const [id, mark] of Object.entries(kept.marks)) {
          const row = roll.row(id);
          if (!row) { if (mark.refused) gone.add(mark.refused); continue; }
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
      }).catch(() => keeps(false));
      if (gone.size) announce([...gone].join(' '));   // about somebody who is not on this roll any more
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
      const known = new Set(mine?.known);   // sent before, and perhaps corrected elsewhere since
      let marks, heard, stale = false;
      try {
        marks = (await store.marksOf(own, path))?.marks || {};
        heard = await store.lastHeard(own, path) > Number(revision.value);
        /* Signed out in another window, or somebody else has signed in there. */
        if ((await store.owner())?.user !== own.user) where = 'signed-out';
      } catch { roll.paint(); return; }   // nothing is known, so nothing is said
      for (const [id, mark] of [...waiting]) {
        if (marks[id]?.ready && marks[id].key === mark.key) continue;
        waiting.delete(id);
        const row = roll.row(id);
        /* Gone from here because the server has it. A mark that went any other way is not saved. */
        if (!marks[id] && (heard || mine?.stored?.includes(mark.key))) {
          const { status, minutes, remark } = mark;
          roll.settled(row, { sent: true, as: { status, minutes, remark: remark ?? roll.baseline(row).remark } });
          stale ||= known.has(mark.key);
          continue;
        }
        roll.unsettled(row);
        if (!marks[id]) touched.add(row);
        else if (marks[id].refused) tell(row, marks[id].refused);
      }
      if (touched.size) keep();
      announce(mine?.problem || '');
      if (mine && !mine.problem) {
        /* With marks of others in between, this page still shows the roll as it was before them. */
        const missed = mine.before !== Number(revision.value);
        const unsaved = roll.changed().length || waiting.size;
        if (!missed) revision.value = mine.revision;
        savedAt = Stillpoint.timeFor(form).toLocaleTimeString(document.documentElement.lang,
          { hour: 'numeric', minute: '2-digit', timeZone: form.dataset.zone });   // the clock of the class, as everywhere on the page
        roll.paint();
        await store.keepPage(own, path, snapshot()).catch(() => {});
        /* Two people said something else: the server's page shows both and asks. */
        if (mine.differences.length || ((missed || stale) && !unsaved)) { location.reload(); return; }
      }
      if (waiting.size && where) navigator.storage?.persist?.().catch(() => {});   // not to be thrown away when room is short
      if (waiting.size && background && where === 'offline') {
        navigator.serviceWorker.ready.then(worker => worker.sync.register('send-rolls')).catch(() => {});
      }
      roll.paint();
    };
    /* First what was marked is kept. Marks made while a slow network is being waited for do not wait for it. */
    const send = async () => {
      sending += 1;
      await next(() => {});
      const result = await Stillpoint.sendRolls();
      sending -= 1;
      await next(() => after(result));
    };

    const within = text => /^\d{1,4}$/.test(text) && Number(text) >= Math.min(1, roll.credit) && Number(text) <= roll.credit;
    const incomplete = () => roll.changed().find(row => {
      const now = roll.read(row);
      if (TIMED.includes(now.status)) return !within(now.minutes);
      return !now.status && now.remark !== roll.baseline(row).remark;
    });
    form.addEventListener('submit', event => {
      if (needsReason || event.defaultPrevented || event.submitter?.name === 'all') return;
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
        const saved = new Map();
        try {
          await store.changeMarks(own, path, kept => {
            for (const [id, mark] of Object.entries(kept.marks)) {
              if (!roll.row(id) || !mark.status) continue;
              Object.assign(mark, { ready: true, refused: '' });
              saved.set(id, mark);
            }
          });
        } catch { saved.clear(); keeps(false); }
        for (const [id, mark] of saved) {
          waiting.set(id, mark);
          roll.settled(roll.row(id), { sent: false });
        }
        if (!form.dataset.kept) return;
        if (waiting.size) roll.say('sending', '', form.dataset.sending);
        else if (!savedAt) nothing = form.dataset[roll.rows.some(row => roll.baseline(row).status) ? 'nothingNew' : 'nothingMarked'];
      });
      send().then(() => { if (!form.dataset.kept) Stillpoint.saveWithoutKeeping(form); });   // what was marked last found no room
    });

    Stillpoint.channel.addEventListener('message', event => { next(() => after(event.data)); });

    const again = () => { if (waiting.size && !needsReason && !sending) send(); };
    addEventListener('online', again);
    setInterval(again, EVERY);
    document.addEventListener('visibilitychange', () => { if (!document.hidden) again(); });

    if (live) {
      /* Marks were sent while this page was on its way: what it shows is older than what the server said since. */
      if (await store.lastHeard(own, path) > Number(revision.value)) {
        /* Once only: the server may have been set up anew since. */
        const noted = await store.heard(own, path, Number(revision.value)).then(() => true, () => false);
        if (noted) { location.reload(); return; }
      }
      if ('clean' in form.dataset) await store.keepPage(own, path, snapshot()).catch(() => {});
    }
    await restore();
    again();
  };
})();

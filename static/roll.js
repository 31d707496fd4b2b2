/* The roll, quicker: minutes from the clock, keys, totals, "mark rest present" with undo. The form is complete without it.
   `Stillpoint.roll(form)` also serves the page that opens without a network; see offline-roll.js. */
(() => {
  'use strict';
  const TIMED = ['late', 'left_early'];
  const CODES = ['present', 'late', 'left_early', 'absent', 'excused'];
  const Stillpoint = globalThis.Stillpoint ??= {};

  const setUp = form => {
    const rows = [...form.querySelectorAll('.roll > li')];
    const pill = form.querySelector('#save-state');
    const restButton = form.querySelector('#mark-rest');
    const credit = Number(form.dataset.credit);
    const radios = row => [...row.querySelectorAll('input[type=radio]')];
    const minutesOf = row => row.querySelector('.roll__mins input');
    const statusOf = row => radios(row).find(radio => radio.checked)?.value || '';
    const remarkOf = row => row.querySelector('.roll__remark input');
    const read = row => ({
      status: statusOf(row), minutes: minutesOf(row).value.trim(), remark: remarkOf(row)?.value.trim() || '',
    });
    const saved = new Map(rows.map(row => [row, read(row)]));      // what needs no saving any more
    const baseline = new Map(saved);                               // what the server has
    let undo = [];
    Stillpoint.setClock(form);

    const differs = row => {
      const now = read(row), before = saved.get(row);
      return now.status !== before.status || now.remark !== before.remark ||
        (TIMED.includes(now.status) && now.minutes !== before.minutes);
    };
    const changed = () => rows.filter(differs);

    /* Minutes credited when somebody comes or goes at this moment; empty when the meeting is not running. */
    const byTheClock = status => {
      const now = Stillpoint.timeFor(form) / 1000, starts = Number(form.dataset.starts), ends = Number(form.dataset.ends);
      if (now < starts || now >= ends) return '';
      const missed = Math.floor((status === 'late' ? now - starts : ends - now) / 60);
      return String(Math.max(Math.min(1, credit), credit - missed));
    };

    const mark = (row, status, minutes) => {
      radios(row).forEach(radio => { radio.checked = radio.value === status; });
      const field = minutesOf(row);
      if (minutes !== undefined) field.value = minutes;
      else if (status === 'present') field.value = String(credit);
      else if (TIMED.includes(status)) field.value = byTheClock(status);
      else field.value = status ? '0' : '';
    };

    const writeRemark = (row, text) => {
      const field = remarkOf(row);
      if (!field) return;
      field.value = text;
      field.closest('details').open = Boolean(text);
    };
    const openRemark = row => {
      const field = remarkOf(row);
      if (!field) return;
      field.closest('details').open = true;
      field.focus();
    };

    const say = (kind, color, text) => {
      if (!pill) return;
      pill.className = `status status--pill ${color}`;
      const words = document.createElement('span');
      words.textContent = text;
      pill.replaceChildren(document.getElementById(`t-${kind}`).content.cloneNode(true), words);
    };

    const count = () => {
      const found = Object.fromEntries([...CODES, 'none'].map(code => [code, 0]));
      rows.forEach(row => { found[statusOf(row) || 'none']++; });
      form.querySelectorAll('[data-count]').forEach(output => { output.value = found[output.dataset.count]; });
    };

    const now = () => pill && { parts: [...pill.childNodes], className: pill.className };
    const restore = before => {
      if (!before) return;
      pill.className = before.className;
      pill.replaceChildren(...before.parts);
    };
    const first = now();
    const paint = () => {
      count();
      const number = changed().length;
      if (api.paintPill) api.paintPill(number);
      else if (number) say('unsaved', 'status--wait', words(form, 'unsaved', number));
      else restore(first);
    };

    const tellRest = text => {
      const place = form.querySelector('#rest-says');
      if (!place) return;
      place.textContent = text || '';
      place.toggleAttribute('hidden', !text);
    };
    const touched = row => {
      tellRest('');
      row.querySelector('.error')?.setAttribute('hidden', '');
      minutesOf(row).removeAttribute('aria-invalid');
      form.dispatchEvent(new CustomEvent('roll:marked', { detail: { row } }));
      paint();
    };

    form.addEventListener('change', event => {
      const row = event.target.closest('.roll > li');
      if (!row) return;
      if (event.target.type === 'radio') {
        mark(row, event.target.value);
        const field = minutesOf(row);
        if (TIMED.includes(event.target.value) && !field.value) field.focus();
      }
      touched(row);
    });
    form.addEventListener('input', event => {
      const row = event.target.closest('.roll > li');
      if (row && event.target.type === 'text') touched(row);
    });

    /* Opened by hand, the field is what one wants to write into. */
    form.addEventListener('click', event => {
      const box = event.target.closest('.roll__remark > summary')?.parentElement;
      if (!box || box.open) return;
      event.preventDefault();
      openRemark(box.closest('.roll > li'));
    });

    const focusRow = index => {
      const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
      (radios(row).find(radio => radio.checked) || radios(row)[0]).focus();
      row.scrollIntoView({ block: 'center' });
    };
    form.addEventListener('keydown', event => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const index = rows.indexOf(event.target.closest('.roll > li'));
      if (index < 0) return;
      if (event.target.type === 'text') {
        if (event.key === 'Escape') focusRow(index);
        else if (event.key === 'Enter') { event.preventDefault(); focusRow(index + 1); }
        return;
      }
      if (/^[1-5]$/.test(event.key)) {
        mark(rows[index], CODES[event.key - 1]);
        touched(rows[index]);
        if (TIMED.includes(CODES[event.key - 1]) && !minutesOf(rows[index]).value) minutesOf(rows[index]).focus();
        else focusRow(index + 1);
      } else if (event.key === 'j' || event.key === 'k') focusRow(index + (event.key === 'j' ? 1 : -1));
      else if (event.key === 'r') openRemark(rows[index]);
      else if (event.key === 's') form.requestSubmit();
      else return;
      event.preventDefault();
    });

    const paintRest = () => {
      if (!restButton) return;
      restButton.dataset.words ??= restButton.textContent;
      restButton.textContent = undo.length ? restButton.dataset.undo : restButton.dataset.words;
    };
    /* What was saved is not taken back by Undo any more: another mark corrects it. */
    const settled = (row, { sent, as = read(row) }) => {
      saved.set(row, as);
      if (sent) baseline.set(row, as);
      if (undo.includes(row)) { undo = undo.filter(other => other !== row); paintRest(); }
    };

    /* A student about whom two people said something else is nobody's rest, nor is one who joined later. */
    restButton?.addEventListener('click', event => {
      event.preventDefault();
      if (undo.length) {
        // whoever was marked otherwise since stays so
        undo.filter(row => statusOf(row) === 'present').forEach(row => { mark(row, ''); touched(row); });
        undo = [];
      } else {
        undo = rows.filter(row => !statusOf(row) && !('differs' in row.dataset) && !('later' in row.dataset));
        undo.forEach(row => { mark(row, 'present'); touched(row); });
        if (!undo.length) tellRest(restButton.dataset[rows.every(statusOf) ? 'everyone' : 'nobodyElse']);
      }
      paintRest();
    });

    addEventListener('beforeunload', event => {
      if (changed().length && !form.dataset.leaving && !form.dataset.kept && form.isConnected) event.preventDefault();
    });
    form.addEventListener('submit', event => { if (!event.defaultPrevented) form.dataset.leaving = 'yes'; });
    addEventListener('pageshow', () => { delete form.dataset.leaving; });

    /* For offline-roll.js: `settled` says that a row needs no saving, and with `sent` that the server has it (`as` what was sent). */
    const api = {
      rows, credit, changed, differs, read, mark, writeRemark, say, paint, restore, pill: now, paintPill: null,
      words: (name, number) => words(form, name, number),
      baseline: row => baseline.get(row),
      settled,
      unsettled: row => { if (row) saved.set(row, baseline.get(row)); },
      row: id => rows.find(row => row.dataset.id === String(id)),
    };
    form.querySelector('#keys')?.removeAttribute('hidden');
    paint();
    return api;
  };

  /* The texts stand in the page, in the reader's language: data-unsaved-one, data-unsaved-many with a # for the number. */
  const words = (form, name, number) =>
    (form.dataset[`${name}${number === 1 ? 'One' : 'Many'}`] || '').replace('#', number);

  Stillpoint.roll = setUp;
  const form = document.getElementById('roll');
  if (form) form.roll = setUp(form);
})();

/* Warns about health claims while a course text is written. Without it, the form says the same when it is sent. */
(() => {
  'use strict';
  const form = document.querySelector('form[data-wording]');
  const place = form?.querySelector('[data-wording-here]');
  if (!place) return;
  let timer, last = '';
  const ask = async () => {
    const body = new FormData();
    for (const name of ['csrf_token', 'title', 'summary', 'outcomes', 'preparation']) {
      body.append(name, form.elements[name]?.value ?? '');
    }
    const answer = await fetch(form.dataset.wording, { method: 'POST', body, credentials: 'same-origin' });
    if (!answer.ok || answer.redirected) return;
    const text = await answer.text();
    if (text === last) return;
    last = text;
    place.replaceChildren(...new DOMParser().parseFromString(text, 'text/html').body.childNodes);
  };
  form.addEventListener('input', event => {
    if (!event.target.matches('textarea, [name=title]')) return;
    clearTimeout(timer);
    timer = setTimeout(() => ask().catch(() => {}), 600);
  });
})();

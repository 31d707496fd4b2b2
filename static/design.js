/* Shows the certificate beside the form while it is set: asks for a picture, which the worker makes, and shows it when it
   is there. Without this script the button "Show this page" does the same with one press. */
(() => {
  'use strict';
  const form = document.querySelector('form[data-picture]');
  const figure = document.querySelector('[data-picture-here]');
  if (!form || !figure) return;
  const image = figure.querySelector('img'), says = figure.querySelector('[role=status]');
  const pause = ms => new Promise(done => setTimeout(done, ms));
  let timer, asked = 0;
  const tell = text => { if (says.textContent !== text) says.textContent = text; };
  const look = async () => {
    const mine = ++asked;
    tell(figure.dataset.making);
    const answer = await fetch(form.dataset.picture, { method: 'POST', body: new FormData(form), credentials: 'same-origin', headers: { Accept: 'application/json' } });
    if (answer.redirected || mine !== asked) return;
    const said = await answer.json();
    if (said.problem) return tell(said.problem);
    const until = Date.now() + 30_000;
    for (let wait = 150; mine === asked; wait = Math.min(wait * 1.3, 1000)) {
      await pause(wait);
      if (Date.now() > until) return tell(figure.dataset.failed);
      const state = await fetch(said.paper, { redirect: 'manual', credentials: 'same-origin' });
      if (state.type === 'opaqueredirect') break;
      if (!state.ok) return tell(figure.dataset.failed);
    }
    if (mine !== asked) return;
    const fresh = new Image();
    fresh.src = said.picture;
    await fresh.decode();
    if (mine !== asked) return;
    image.src = fresh.src;
    image.hidden = false;
    tell('');
  };
  const soon = ms => { clearTimeout(timer); timer = setTimeout(() => look().catch(() => tell(figure.dataset.failed)), ms); };
  form.addEventListener('input', event => soon(event.target.matches('textarea, [type=text]') ? 500 : 50));
  figure.hidden = false;
  soon(0);
})();

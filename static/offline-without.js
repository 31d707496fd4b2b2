/* The roll on a phone that cannot keep marks: a private window, no room left, an old browser. It says so, and Save asks whether
   the server is there before the browser leaves the page; without a network the marks would be lost with it. */
(() => {
  'use strict';
  const Stillpoint = globalThis.Stillpoint ??= {};

  const say = (form, words) => {
    const box = form.querySelector('#offline-says');
    if (!box) return;
    box.querySelector('p').textContent = words;
    box.toggleAttribute('hidden', !words);
    if (words) box.scrollIntoView({ block: 'center' });
  };

  /* Sends the form as the browser does, or stays and says why. */
  Stillpoint.saveWithoutKeeping = async form => {
    if (await Stillpoint.reaches()) {
      form.dataset.leaving = 'yes';
      HTMLFormElement.prototype.submit.call(form);
    } else {
      delete form.dataset.leaving;
      say(form, form.dataset.noNetwork || '');
    }
  };

  Stillpoint.withoutKeeping = (form, so = true) => {
    form.querySelector('#keeps-nothing')?.toggleAttribute('hidden', !so);
    if (so) delete form.dataset.leaving;
    if (!so || 'without' in form.dataset) return;
    form.dataset.without = 'yes';
    form.addEventListener('submit', event => {
      if (event.defaultPrevented || event.submitter?.name === 'all' || form.dataset.kept) return;
      event.preventDefault();
      Stillpoint.saveWithoutKeeping(form);
    });
  };
})();

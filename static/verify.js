/* A PDF that is dropped anywhere on this page goes into its field and is sent; without this the browser would leave the
   page and show the file. The field and its button do the same by hand. */
(() => {
  'use strict';
  const field = document.querySelector('input[type=file]');
  const holdsFiles = event => [...event.dataTransfer?.types ?? []].includes('Files');
  const show = on => field.toggleAttribute('data-drop', on);

  addEventListener('dragover', event => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    show(true);
  });
  addEventListener('dragleave', event => { if (!event.relatedTarget) show(false); });
  addEventListener('drop', event => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    show(false);
    if (!event.dataTransfer.files.length) return;
    field.files = event.dataTransfer.files;
    field.form.requestSubmit();
  });
})();

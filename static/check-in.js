// The code on the screen, fetched anew when it changes. Without this script the page reloads itself instead.
(() => {
  const box = document.getElementById("code");
  const old = document.getElementById("code-old");
  if (!box) return;
  const wait = () => {
    const part = box.querySelector("[data-seconds]");
    // At most five seconds, so that the number of people stays fresh.
    const seconds = Math.min(5, Number(part && part.dataset.seconds) || 5);
    setTimeout(load, seconds * 1000);
  };
  const load = async () => {
    try {
      const answer = await fetch(box.dataset.code, { cache: "no-store", redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      box.replaceChildren(document.createRange().createContextualFragment(text));
      old.hidden = true;
    } catch {
      old.hidden = false;
    }
    wait();
  };
  wait();
})();

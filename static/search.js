// Comfort only: a search form's list follows what is typed. Without this script its button does the same.
// <form method="get" data-search="found"> asks its own address again and takes over the element #found of the answer.
"use strict";

for (const form of document.querySelectorAll("form[data-search]")) {
  const target = form.dataset.search;
  let timer = 0;
  let latest = 0;

  async function ask() {
    const mine = ++latest;
    const address = new URL(form.action);
    address.search = new URLSearchParams(new FormData(form)).toString();
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (!answer.ok || answer.redirected || mine !== latest) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(target);
      const old = document.getElementById(target);
      if (fresh && old) old.replaceWith(fresh);
    } catch {
      // Offline: the button still works when the network is back.
    }
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 200);
  });
}

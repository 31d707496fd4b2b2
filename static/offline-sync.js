/* Sends kept marks to the server. Answers what came of it: 'sent', 'nothing', 'offline', 'signed-out' or 'someone-else'.
   Serves pages and the service worker alike. A mark leaves this phone's store only when the server says that it has it. */
(() => {
  'use strict';
  const Stillpoint = globalThis.Stillpoint ??= {};
  const ADDRESS = '/teaching/sync';
  const JSON_ONLY = { Accept: 'application/json' };

  class SignedOut extends Error {}

  /* In a room with a bad network a request may hang for minutes: it is given up, and tried again later. */
  const patience = seconds => AbortSignal.timeout?.(seconds * 1000);

  /* Who is signed in at the server: { user, key, csrf }. Another user's pages are forgotten at once. */
  const greet = async () => {
    const answer = await fetch(ADDRESS, { headers: JSON_ONLY, credentials: 'same-origin', cache: 'no-store', signal: patience(15) });
    if (answer.status === 401 || answer.status === 403) throw new SignedOut();
    if (!answer.ok) throw new Error(`sync: ${answer.status}`);
    const { user, key, csrf } = await answer.json();
    const own = await Stillpoint.store.adopt(user, key);
    return { ...own, csrf };
  };

  const post = async (own, rolls) => {
    const answer = await fetch(ADDRESS, {
      method: 'POST', credentials: 'same-origin', signal: patience(30),
      headers: { ...JSON_ONLY, 'Content-Type': 'application/json', 'X-CSRFToken': own.csrf },
      body: JSON.stringify({ user: own.user, rolls }),
    });
    if (answer.status === 401 || answer.status === 403 || answer.status === 409) throw new SignedOut();
    if (!answer.ok) throw new Error(`sync: ${answer.status}`);
    return (await answer.json()).rolls;
  };

  const ready = roll => Object.entries(roll.marks).filter(([, mark]) => mark.ready);
  const asSent = roll => ({
    code: roll.code, meeting: roll.meeting, number: roll.number, revision: roll.revision,
    marks: ready(roll).map(([enrollment, { status, minutes, remark, made_at, key, seen }]) =>
      ({ enrollment: Number(enrollment), status, minutes, remark, made_at, key, seen })),
  });

  /* Take away what the server has; keep what it refused, with its words. */
  const settle = (own, sent, result) => Stillpoint.store.changeMarks(own, sent.path, roll => {
    roll.problem = result.problem || '';
    if (result.problem) return;
    if (result.before === roll.revision) roll.revision = result.revision;
    const stored = new Set(result.stored);
    for (const [enrollment, mark] of Object.entries(roll.marks)) {
      if (stored.has(mark.key)) delete roll.marks[enrollment];
      else if (mark.key in result.refused) Object.assign(mark, { ready: false, refused: result.refused[mark.key] });
    }
  });

  const sendAll = async () => {
    const before = await Stillpoint.store.owner();
    if (!before || !(await Stillpoint.store.allMarks(before)).some(roll => ready(roll).length)) {
      return { outcome: 'nothing', results: [] };
    }
    const own = await greet();
    const rolls = (await Stillpoint.store.allMarks(own)).filter(roll => ready(roll).length);
    const results = [];
    for (let start = 0; start < rolls.length; start += 20) {
      const some = rolls.slice(start, start + 20);
      const answers = await post(own, some.map(asSent));
      for (const [index, result] of answers.entries()) {
        await settle(own, some[index], result);
        if (!result.problem) await Stillpoint.store.heard(own, some[index].path, result.revision).catch(() => {});
        results.push({ path: some[index].path, title: some[index].title, ...result });
      }
    }
    return { outcome: rolls.length ? 'sent' : 'nothing', results };
  };

  /* Other pages of ours hear what the service worker or another page has sent. */
  Stillpoint.channel = new BroadcastChannel('stillpoint-rolls');

  /* One at a time, whoever asks: another page of ours, or the service worker. */
  Stillpoint.sendRolls = () => navigator.locks.request('stillpoint-sync', async () => {
    try {
      const result = await sendAll();
      if (result.outcome === 'sent') Stillpoint.channel.postMessage(result);
      return result;
    } catch (error) {
      return { outcome: error instanceof SignedOut ? 'signed-out' : 'offline', results: [] };
    }
  });
  Stillpoint.greet = greet;
  /* Whether the server answers at all; being signed out is an answer, too. */
  Stillpoint.reaches = () => fetch(ADDRESS, { headers: JSON_ONLY, credentials: 'same-origin', cache: 'no-store', signal: patience(15) })
    .then(answer => answer.status < 500, () => false);
})();

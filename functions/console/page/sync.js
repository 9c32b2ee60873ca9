// Keeps the store up to date with the server: the lists, the selected conversation, who we are.
// By asking again and again; why so, and how often, is in docs/live.md.

import { ApiError, api } from './api.js';
import { config } from './config.js';
import { Poller } from './poller.js';
import { keyOf } from './store.js';
import { now } from './time.js';

/**
 * @param {import('./store.js').Store} store
 * @param {object} on
 * @param {(id: string, entries: import('./api.js').Entry[]) => void} on.entries new ones in a conversation that was loaded before
 * @param {() => void} on.recovered the connection is back
 * @param {() => void} on.me it is known who is signed in
 * @param {() => void} on.listed the open conversations have come
 * @param {() => boolean} on.watched whether the agent wants to be told of what comes while the page is hidden
 */
export function startSync(store, on) {
  const failing = new Set();
  let signedOut = false;

  const report = () => {
    const before = store.connection;
    store.set(store, { connection: !failing.size ? 'ok' : signedOut ? 'signed-out' : 'lost' });
    if (before !== 'ok' && store.connection === 'ok') on.recovered();
  };
  const worked = (name) => {
    failing.delete(name);
    report();
  };
  const failed = (name, error) => {
    if (error instanceof ApiError && !error.temporary) return;
    // A fault of the page itself must not look like an idle list.
    if (!(error instanceof ApiError)) console.error(error);
    signedOut = error instanceof ApiError && error.signedOut;
    failing.add(name);
    report();
  };

  async function loadList(list, query, signal) {
    const conversations = [];
    const answers = [];
    let [cursor, searched, changed] = [null, null, !list.loaded];
    for (let page = 0; page === 0 || (cursor && page < list.pages); page += 1) {
      const key = keyOf({ ...query, cursor });
      const known = list.answers[page]?.key === key ? list.answers[page].answer : null;
      const fresh = await api.list({ ...query, cursor, known: known?.tag }, signal);
      const answer = fresh.unchanged ? known : fresh;
      changed ||= answer !== known;
      answers.push({ key, answer });
      conversations.push(...answer.conversations);
      cursor = answer.cursor ?? null;
      if (answer.searched != null) searched = (searched ?? 0) + answer.searched;
    }
    if (signal.aborted) return;
    const of = keyOf(query);
    // What is as it was is not put again: the page may know newer things by now.
    changed ||= list.answers.length !== answers.length || list.of !== of;
    list.answers = answers;
    if (changed) store.putList(list, conversations, { more: cursor !== null, searched, of });
    else store.set(list, { failed: false });
  }

  const OPEN = { status: 'open' };
  let foundAt = 0;
  const list = new Poller({
    async run(signal) {
      await loadList(store.lists.open, OPEN, signal);
      if (!signal.aborted) on.listed();
      const { wanted } = store;
      const { found } = store.lists;
      if (!wanted || (found.of === keyOf(wanted) && !found.failed && Date.now() - foundAt < config.foundEveryMs)) return;
      await loadList(found, wanted, signal);
      foundAt = Date.now();
    },
    every: () => config.listEveryMs,
    everyHidden: () => (on.watched() ? config.hiddenListEveryMs : config.hiddenEveryMs),
    worked: () => worked('list'),
    failed(error) {
      store.set(store.list.list, { failed: true });
      failed('list', error);
    },
  });

  const undelivered = new Poller({
    async run(signal) {
      const page = await api.failed(Math.floor(now() - store.failed.hours * 3_600_000), signal);
      if (!signal.aborted) store.putFailed(page);
    },
    every: () => (store.tab === 'failed' ? config.failedEveryMs : config.failedCountEveryMs),
    worked: () => worked('undelivered'),
    failed(error) {
      store.set(store.failed, { failed: true });
      failed('undelivered', error);
    },
  });

  const thread = new Poller({
    async run(signal) {
      const id = store.selected;
      if (id === null) return;
      const known = store.thread(id);
      const wasLoaded = known.loaded;
      for (;;) {
        const answer = await api.conversation(id, known.cursor, signal);
        if (signal.aborted) return;
        store.putConversation(answer.conversation);
        const { episode } = answer.conversation;
        if (known.cursor && known.episode !== episode) {
          // Opened anew: what was said before this handoff comes only with the whole.
          known.cursor = null;
          known.episode = episode;
          continue;
        }
        known.episode = episode;
        // GPTBots sends an empty answer where the bot had nothing to say.
        const said = (turn) => turn.text || turn.files?.length;
        if (answer.history) store.set(known, { history: answer.history.filter(said) });
        const fresh = store.putEntries(id, answer.entries);
        const before = known.cursor;
        known.cursor = answer.cursor ?? before;
        if (wasLoaded && fresh.length) on.entries(id, fresh);
        if (!answer.more || known.cursor === before) break;
      }
      store.set(known, { loaded: true, missing: false, failed: false });
    },
    // Nothing selected: nothing to ask, and selecting wakes it.
    every() {
      const quiet = store.selected !== null && Date.now() - store.thread(store.selected).changedAt > config.threadQuietAfterMs;
      return quiet ? config.threadQuietEveryMs : config.threadEveryMs;
    },
    worked: () => worked('thread'),
    failed(error) {
      const permanent = error instanceof ApiError && !error.temporary;
      if (store.selected !== null) {
        store.set(store.thread(store.selected), permanent ? { missing: true } : { failed: true });
      }
      if (permanent) worked('thread');
      failed('thread', error);
    },
  });

  let known = false;
  const me = new Poller({
    async run(signal) {
      if (!store.me) store.set(store, { me: await api.me(signal) });
      // Who cannot be remembered can work all the same.
      await api.here(signal).catch(() => {});
    },
    // Soon, while it is not known; then to tell colleagues that somebody is here.
    every: () => config.meEveryMs,
    everyHidden: () => config.meEveryMs,
    worked() {
      if (known) return;
      known = true;
      on.me();
    },
    // The lists show a lost connection; without a name the page works all the same.
    failed() {},
  });

  const wake = () => {
    list.wake();
    thread.wake();
    undelivered.wake();
    if (!known) me.wake();
  };
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) wake();
  });
  window.addEventListener('online', wake);
  window.addEventListener('offline', wake);

  list.start();
  thread.start();
  undelivered.start();
  me.start();

  return {
    /** The list shown is another one, or is known to be out of date. */
    list() {
      foundAt = 0;
      list.restart();
    },
    /** The selection is another one, or is known to be out of date. */
    thread: () => thread.restart(),
    /** What was not delivered is shown, or is known to be out of date. */
    failed: () => undelivered.restart(),
  };
}

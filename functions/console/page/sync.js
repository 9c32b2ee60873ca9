// Keeps the store up to date with the server: the lists, the selected conversation, who we are.

import { ApiError, api } from './api.js';
import { config } from './config.js';
import { Poller } from './poller.js';
import { now } from './time.js';

/**
 * @param {import('./store.js').Store} store
 * @param {object} on
 * @param {(id: string, entries: import('./api.js').Entry[]) => void} on.entries new ones in a conversation that was loaded before
 * @param {() => void} on.recovered the connection is back
 * @param {() => void} on.me it is known who is signed in
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

  async function loadList(name, signal) {
    const conversations = [];
    let cursor = null;
    for (let page = 0; page === 0 || (cursor && page < store.lists[name].pages); page += 1) {
      const answer = await api.list(name, cursor, signal);
      conversations.push(...answer.conversations);
      cursor = answer.cursor ?? null;
    }
    if (!signal.aborted) store.putList(name, conversations, cursor !== null);
  }

  let openSeen = 0;
  const list = new Poller({
    async run(signal) {
      if (store.tab === 'open' || Date.now() - openSeen >= config.openCountEveryMs) {
        await loadList('open', signal);
        openSeen = Date.now();
      }
      if (store.tab === 'closed') await loadList('closed', signal);
    },
    every: () => config.listEveryMs,
    worked: () => worked('list'),
    failed(error) {
      store.set(store.lists[store.tab] ?? store.lists.open, { failed: true });
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
    every: () => config.threadEveryMs,
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

  const me = new Poller({
    async run(signal) {
      store.set(store, { me: await api.me(signal) });
    },
    every: () => config.hiddenEveryMs,
    worked() {
      me.stop();
      on.me();
    },
    // The lists show a lost connection; without a name the page works all the same.
    failed() {},
  });

  const wake = () => {
    list.wake();
    thread.wake();
    undelivered.wake();
    me.wake();
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
    list: () => list.restart(),
    /** The selection is another one, or is known to be out of date. */
    thread: () => thread.restart(),
    /** What was not delivered is shown, or is known to be out of date. */
    failed: () => undelivered.restart(),
  };
}

// Lines written here on their way to the server: one after the other in each conversation, again
// and again under the same client_id until the server has taken or refused them.

import { ApiError, api } from './api.js';
import { newClientId } from './ids.js';
import { backOff } from './poller.js';
import { now } from './time.js';

const KEPT_AS = 'handoff-outbox';

/**
 * @typedef {object} Line
 * @property {string} client_id
 * @property {string} text
 * @property {boolean} [note] whether it is for colleagues alone
 * @property {number} at
 * @property {'sending' | 'unsent' | 'refused'} state
 * @property {number} [status] why it was refused: the HTTP status …
 * @property {string} [error] … and the server's words
 * @property {string[]} known agents' entries there were when it was written
 */

/**
 * @param {import('./store.js').Store} store
 * @param {object} on
 * @param {(id: string) => void} on.accepted
 * @param {(id: string, line: Line) => void} on.refused
 */
export function createOutbox(store, on) {
  /** Conversations being drained -> what cuts their pause short. @type {Map<string, () => void>} */
  const draining = new Map();
  // What an earlier load of the page left must be read before anything is written over it.
  let restored = false;

  const lines = (id) => store.lines.get(id) ?? [];

  function put(id, list) {
    if (list.length) store.lines.set(id, list);
    else store.lines.delete(id);
    keep();
    store.changed();
  }

  /** Keeps the lines through a reload of the page, in this tab and for this agent only. */
  function keep() {
    if (!restored) return;
    try {
      if (store.lines.size) {
        sessionStorage.setItem(KEPT_AS, JSON.stringify({ agent: store.me?.id ?? null, lines: [...store.lines] }));
      } else {
        sessionStorage.removeItem(KEPT_AS);
      }
    } catch {
      // Storage is switched off or full: the lines are still in memory.
    }
  }

  async function drain(id) {
    if (draining.has(id)) return;
    draining.set(id, () => {});
    let failures = 0;
    for (;;) {
      const line = lines(id).find(({ state }) => state !== 'refused');
      if (!line) break;
      try {
        const { entry } = await (line.note ? api.note : api.send)(id, line.text, line.client_id);
        store.thread(id).lineOf.set(entry.id, line.client_id);
        store.putEntries(id, [entry]);
        put(id, lines(id).filter((other) => other !== line));
        failures = 0;
        on.accepted(id);
      } catch (error) {
        if (error instanceof ApiError && !error.temporary) {
          Object.assign(line, { state: 'refused', status: error.status, error: error.message });
          put(id, lines(id));
          on.refused(id, line);
          continue;
        }
        if (!(error instanceof ApiError)) console.error(error);
        failures += 1;
        // The lines behind it wait as well.
        for (const waiting of lines(id)) if (waiting.state === 'sending') waiting.state = 'unsent';
        put(id, lines(id));
        await new Promise((resolve) => {
          draining.set(id, resolve);
          setTimeout(resolve, backOff(failures));
        });
      }
    }
    draining.delete(id);
  }

  return {
    /** @param {string} id @param {string} text @param {boolean} note whether it is for colleagues alone */
    send(id, text, note) {
      const known = [...store.thread(id).entries.values()].filter(({ author }) => author === 'agent').map((entry) => entry.id);
      put(id, [...lines(id), { client_id: newClientId(), text, note, at: now(), state: 'sending', known }]);
      drain(id);
    },

    /** Takes a refused line away. @param {string} id @param {string} clientId @returns {Line | undefined} */
    remove(id, clientId) {
      const line = lines(id).find((one) => one.client_id === clientId && one.state === 'refused');
      if (line) put(id, lines(id).filter((other) => other !== line));
      return line;
    },

    /** Tries now what waits for its next try. */
    wake() {
      for (const cutShort of draining.values()) cutShort();
    },

    /** Takes up what a reload left. To be called when it is known who is signed in. */
    restore() {
      try {
        const kept = JSON.parse(sessionStorage.getItem(KEPT_AS) ?? 'null');
        if (kept?.agent === store.me?.id) {
          for (const [id, list] of kept.lines) {
            const here = new Set(lines(id).map((line) => line.client_id));
            put(id, [...list.filter((line) => !here.has(line.client_id)), ...lines(id)]);
            drain(id);
          }
        }
      } catch {
        // Nothing usable was kept.
      }
      restored = true;
      keep();
    },

    /** Throws everything away: the agent leaves. */
    forget() {
      store.lines.clear();
      restored = true;
      keep();
    },

    /** Whether anything here has not reached the server. */
    hasUnsent: () => [...store.lines.values()].flat().some(({ state }) => state !== 'refused'),
  };
}

/**
 * The lines to show: without those the server has taken already and whose entry came first by
 * another way, while the answer to the sending is still awaited.
 * @param {Line[]} lines
 * @param {import('./store.js').Thread} thread
 * @param {{id: string, name: string} | null} me
 * @returns {{lines: Line[], lineOf: Map<string, string>}} and which entry stands for which line
 */
export function notYetShown(lines, thread, me) {
  const lineOf = new Map(thread.lineOf);
  if (!lines.length) return { lines, lineOf };
  const mine = [...thread.entries.values()].filter(
    (entry) => entry.author === 'agent' && !lineOf.has(entry.id) && (!me || !entry.author_name || entry.author_name === me.name),
  );
  const left = lines.filter((line) => {
    if (line.state === 'refused') return true;
    const known = new Set(line.known);
    const at = mine.findIndex((entry) =>
      entry.client_id ? entry.client_id === line.client_id : entry.text === line.text && !known.has(entry.id));
    if (at < 0) return true;
    lineOf.set(mine[at].id, line.client_id);
    mine.splice(at, 1);
    return false;
  });
  return { lines: left, lineOf };
}

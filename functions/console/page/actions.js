// What agents do to a conversation: the call, and what is said when it does not work.

import { api } from './api.js';
import { config } from './config.js';
import { text } from './text.js';
import { now } from './time.js';

/**
 * @param {import('./store.js').Store} store
 * @param {object} on
 * @param {() => void} on.changed what is shown has to be asked for again
 * @param {() => void} on.failedChanged what was not delivered has to be asked for again
 * @param {() => void} on.claimed the conversation shown is the agent's now
 */
export function createActions(store, on) {
  /** Does something, and says so where it does not work. @returns {Promise<boolean>} */
  async function attempt(id, call, failed) {
    let worked = false;
    try {
      await call();
      worked = true;
    } catch (error) {
      store.tell(failed(error.message), id);
    }
    on.changed();
    return worked;
  }
  const put = async (call) => store.putConversation((await call).conversation);

  return {
    /** @param {string} id @param {string} [from] */
    async claim(id, from) {
      // The button goes away, and answering comes next.
      if (await attempt(id, () => put(api.claim(id, from)), text.claimFailed)) on.claimed(id);
    },
    /** @param {string} id */
    release: (id) => attempt(id, () => put(api.release(id)), text.releaseFailed),
    /** @param {string} id @param {string} to */
    assign: (id, to) => attempt(id, () => put(api.assign(id, to)), text.assignFailed),
    /** @param {string} id @param {string} reason */
    close: (id, reason) => attempt(id, () => put(api.close(id, reason)), text.closeFailed),

    async colleagues() {
      try {
        store.set(store, { colleagues: (await api.agents()).agents });
      } catch (error) {
        store.tell(text.assignFailed(error.message));
      }
    },

    /** Sends a failed line again. @param {string} id @param {string} entry */
    async replay(id, entry) {
      const { replaying } = store.thread(id);
      if (replaying.has(entry)) return;
      replaying.add(entry);
      store.changed();
      await attempt(id, async () => store.putEntries(id, [(await api.replay(id, entry)).entry]), text.replayFailed);
      replaying.delete(entry);
      store.changed();
    },

    /** All failed lines of a conversation. @param {string} id */
    async replayAll(id) {
      await attempt(id, async () => {
        const { entries, left } = await api.replayConversation(id);
        store.putEntries(id, entries);
        if (left) store.tell(text.replayLeft(left), id);
      }, text.replayFailed);
      on.failedChanged();
    },

    /** All failed lines of the time that is shown. */
    async replaySince() {
      const { hours } = store.failed;
      store.set(store.failed, { busy: true });
      const since = Math.floor(now() - hours * 3_600_000);
      let [sent, left, cursor] = [0, 0, null];
      let result;
      try {
        do {
          const piece = await api.replaySince(since, cursor);
          sent += piece.replayed;
          left += piece.left;
          cursor = piece.cursor;
        } while (cursor !== null);
        result = text.sentAgain(sent, left);
      } catch (error) {
        // What was sent again until then stays so; pressing once more goes on.
        result = text.replayFailed(error.message);
      }
      store.set(store.failed, { busy: false, result });
      on.failedChanged();
      on.changed();
    },

    /** The other conversations of the person shown; once, until the conversation is opened anew. */
    async others(id) {
      const thread = store.thread(id);
      const asked = Date.now();
      if (thread.othersAt && asked - thread.othersAt < config.othersFreshMs) return;
      thread.othersAt = asked;
      try {
        const { conversations } = await api.person(id);
        // What the page knows by now may be newer than this.
        for (const one of conversations) if (!store.conversations.has(one.conversation_id)) store.putConversation(one);
        store.set(thread, { others: conversations });
      } catch {
        // The connection's state is said elsewhere; the next visit asks again.
        thread.othersAt = 0;
      }
    },

    async canned() {
      try {
        store.set(store, { canned: await api.canned() });
      } catch {
        // Answers can be written by hand.
      }
    },
  };
}

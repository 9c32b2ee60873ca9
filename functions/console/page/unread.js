// What has been read: for each conversation the time of the last line that was in view. Kept over
// visits in this browser, as ids and times; no text.

import { config } from './config.js';

const KEPT_AS = 'handoff-seen';

/** @typedef {import('./api.js').Conversation} Conversation */

/** @param {import('./store.js').Store} store */
export function createUnread(store) {
  /** @type {Map<string, number>} the most recently seen last */
  const seen = new Map();
  try {
    for (const [id, at] of JSON.parse(localStorage.getItem(KEPT_AS) ?? '[]')) seen.set(id, at);
  } catch {
    // Nothing usable was kept: all counts as unread.
  }

  function keep() {
    for (const id of seen.keys()) {
      if (seen.size <= config.seenKept) break;
      seen.delete(id);
    }
    try {
      localStorage.setItem(KEPT_AS, JSON.stringify([...seen]));
    } catch {
      // Storage is switched off or full: it is known until the page goes.
    }
  }

  return {
    /** Whether the user wrote something that has not been in view here. @param {Conversation} conversation */
    has: ({ conversation_id: id, status, last }) => status !== 'closed' && last?.author === 'user' && last.at > (seen.get(id) ?? 0),

    /** The conversation that is shown has been seen, if somebody can see it. */
    look() {
      const conversation = store.selected !== null && !document.hidden && store.conversations.get(store.selected);
      if (!conversation?.last || conversation.last.at <= (seen.get(store.selected) ?? 0)) return;
      seen.delete(store.selected);
      seen.set(store.selected, conversation.last.at);
      keep();
    },

    /** The agent leaves. */
    forget() {
      seen.clear();
      try {
        localStorage.removeItem(KEPT_AS);
      } catch {
        // There was none to remove.
      }
    },
  };
}

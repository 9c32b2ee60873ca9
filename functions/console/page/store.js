// What the page knows, and who is told when it changes. Views read; sync, outbox and actions write.

import { config } from './config.js';

/**
 * @typedef {import('./api.js').Conversation} Conversation
 * @typedef {import('./api.js').Entry} Entry
 * @typedef {import('./api.js').Turn} Turn
 * @typedef {import('./outbox.js').Line} Line
 *
 * @typedef {object} List
 * @property {string[]} ids in the server's order
 * @property {boolean} more whether the server has further pages
 * @property {number} pages how many the reader asked for
 * @property {boolean} loaded
 * @property {boolean} failed
 *
 * @typedef {object} Failed what was not delivered
 * @property {import('./api.js').FailedLine[]} lines the last first
 * @property {boolean} more whether the server has more than these
 * @property {number} hours how far back it goes
 * @property {boolean} loaded
 * @property {boolean} failed
 * @property {boolean} busy whether it is being sent again
 * @property {string} result what came of that, in words
 *
 * @typedef {object} Thread
 * @property {Map<string, Entry>} entries
 * @property {Turn[]} history
 * @property {string | null} cursor
 * @property {boolean} loaded whether all that there was has come
 * @property {boolean} missing whether the server does not know it
 * @property {boolean} failed
 * @property {Map<string, string>} lineOf entry id -> the client_id of the line written here
 * @property {Set<string>} replaying entries being sent again
 */

/** @returns {List} */
const newList = () => ({ ids: [], more: false, pages: 1, loaded: false, failed: false });

export class Store {
  constructor() {
    /** @type {{id: string, name: string} | null} */
    this.me = null;
    /** @type {'open' | 'closed' | 'failed'} */
    this.tab = 'open';
    this.lists = { open: newList(), closed: newList() };
    /** @type {Failed} */
    this.failed = { lines: [], more: false, hours: config.failedHours[0], loaded: false, failed: false, busy: false, result: '' };
    /** @type {Map<string, Conversation>} */
    this.conversations = new Map();
    /** @type {Map<string, Thread>} most recently used last */
    this.threads = new Map();
    /** @type {Map<string, Line[]>} lines written here and not accepted yet */
    this.lines = new Map();
    /** @type {Map<string, string>} */
    this.drafts = new Map();
    /** @type {string | null} the conversation shown */
    this.selected = null;
    /** @type {'ok' | 'lost' | 'signed-out'} */
    this.connection = 'ok';
    /** @type {{message: string, conversation: string | null} | null} */
    this.alert = null;

    /** @type {(() => void)[]} */
    this.listeners = [];
    this.told = true;
  }

  /** @param {() => void} listener called once after any number of changes */
  subscribe(listener) {
    this.listeners.push(listener);
  }

  changed() {
    if (!this.told) return;
    this.told = false;
    queueMicrotask(() => {
      this.told = true;
      for (const listener of this.listeners) listener();
    });
  }

  /**
   * Changes members; tells only where something differs.
   * @param {object} target the store or a part of it
   * @param {object} values
   */
  set(target, values) {
    for (const [name, value] of Object.entries(values)) {
      if (target[name] === value) continue;
      target[name] = value;
      this.changed();
    }
  }

  /** @param {Conversation} conversation as the server has it now */
  putConversation(conversation) {
    const id = conversation.conversation_id;
    if (same(this.conversations.get(id), conversation)) return;
    this.conversations.set(id, conversation);
    this.changed();
  }

  /** @param {'open' | 'closed'} name @param {Conversation[]} conversations @param {boolean} more */
  putList(name, conversations, more) {
    conversations.forEach((conversation) => this.putConversation(conversation));
    const list = this.lists[name];
    const ids = [...new Set(conversations.map((conversation) => conversation.conversation_id))];
    if (!same(list.ids, ids)) this.set(list, { ids });
    this.set(list, { more, loaded: true, failed: false });
  }

  /** @param {{failed: import('./api.js').FailedLine[], conversations: Conversation[], cursor: string | null}} page */
  putFailed({ failed: lines, conversations, cursor }) {
    conversations.forEach((conversation) => this.putConversation(conversation));
    if (!same(this.failed.lines, lines)) this.set(this.failed, { lines });
    this.set(this.failed, { more: cursor !== null, loaded: true, failed: false });
  }

  /** @param {string} id @returns {Thread} */
  thread(id) {
    let thread = this.threads.get(id);
    if (!thread) {
      thread = {
        entries: new Map(), history: [], cursor: null, loaded: false, missing: false, failed: false,
        lineOf: new Map(), replaying: new Set(),
      };
      this.threads.set(id, thread);
    }
    return thread;
  }

  /** @param {string | null} id */
  select(id) {
    if (id !== null) {
      // Last in the map is the last one to be dropped.
      const thread = this.thread(id);
      this.threads.delete(id);
      this.threads.set(id, thread);
      for (const old of this.threads.keys()) {
        if (this.threads.size <= config.threadsKept) break;
        if (!this.lines.get(old)?.length) this.threads.delete(old);
      }
    }
    this.set(this, { selected: id });
  }

  /**
   * Merges entries by id: the same one can come again, as it was or changed.
   * @param {string} id
   * @param {Entry[]} entries
   * @returns {Entry[]} those that were not known
   */
  putEntries(id, entries) {
    const thread = this.thread(id);
    const fresh = [];
    for (const entry of entries) {
      const known = thread.entries.get(entry.id);
      if (same(known, entry)) continue;
      if (!known) fresh.push(entry);
      thread.entries.set(entry.id, entry);
      this.changed();
    }
    return fresh;
  }

  /** @param {string} message @param {string | null} [conversation] the one it is about */
  tell(message, conversation = null) {
    this.set(this, { alert: { message, conversation } });
  }
}

/** Whether two values are the same as JSON. */
function same(a, b) {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

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
 * @property {number | null} searched how many conversations were looked through for it
 * @property {string} of what was asked for
 * @property {{key: string, answer: import('./api.js').ListPage}[]} answers what each page came from
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
 * @property {Conversation[] | null} others the same person's other conversations, once they have come
 * @property {number} othersAt when they were asked for
 * @property {number} changedAt when something changed here last
 */

/** @returns {List} */
const newList = () => ({ ids: [], more: false, pages: 1, searched: null, of: '', answers: [], loaded: false, failed: false });

export class Store {
  constructor() {
    /** @type {import('./api.js').Me | null} */
    this.me = null;
    /** @type {'queue' | 'mine' | 'open' | 'closed' | 'failed'} */
    this.tab = 'open';
    /** What is looked for in the tab shown. */
    this.filters = { q: '', bot: '', desk: '', /** @type {number | null} seconds */ waiting: null };
    /** All that are open, and what was looked for. */
    this.lists = { open: newList(), found: newList() };
    /** @type {import('./api.js').Colleague[]} */
    this.colleagues = [];
    /** @type {{version: number, replies: import('./api.js').CannedReply[]}} */
    this.canned = { version: 0, replies: [] };
    /** Conversations in which a private note is being written, not an answer. @type {Set<string>} */
    this.noting = new Set();
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

  /**
   * What the tab shown has to be asked for; null where the list of open conversations has it all.
   * @returns {import('./api.js').Query | null}
   */
  get wanted() {
    const { q, bot, desk, waiting } = this.filters;
    const closed = this.tab === 'closed';
    const filtered = q || bot || desk || (waiting && !closed);
    if (this.tab === 'failed' || (!closed && !filtered && (this.tab === 'open' || !this.lists.open.more))) return null;
    return {
      status: closed ? 'closed' : 'open', agent: { queue: 'none', mine: 'me' }[this.tab], q, bot, desk,
      waiting: closed ? null : waiting,
    };
  }

  /** The list that the tab shown is made of, and whether it is of what is wanted now. */
  get list() {
    const { wanted } = this;
    return wanted ? { list: this.lists.found, current: this.lists.found.of === keyOf(wanted) } : { list: this.lists.open, current: true };
  }

  /** The conversations of the tab shown. @returns {Conversation[]} */
  get shown() {
    // One that was closed, opened or taken a moment ago stays out of the other lists.
    const fits = {
      queue: ({ status, agent }) => status !== 'closed' && !agent,
      mine: ({ status, agent }) => status !== 'closed' && agent && agent.id === this.me?.id,
      open: ({ status }) => status !== 'closed',
      closed: ({ status }) => status === 'closed',
      failed: () => false,
    }[this.tab];
    return this.list.list.ids.map((id) => this.conversations.get(id)).filter((one) => one && fits(one));
  }

  /** @param {List} list @param {Conversation[]} conversations @param {{more: boolean, searched: number | null, of: string}} page */
  putList(list, conversations, page) {
    conversations.forEach((conversation) => this.putConversation(conversation));
    const ids = [...new Set(conversations.map((conversation) => conversation.conversation_id))];
    if (!same(list.ids, ids)) this.set(list, { ids });
    this.set(list, { ...page, loaded: true, failed: false });
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
        lineOf: new Map(), replaying: new Set(), others: null, othersAt: 0, changedAt: Date.now(),
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
      thread.changedAt = Date.now();
      this.changed();
    }
    return fresh;
  }

  /** @param {string} message @param {string | null} [conversation] the one it is about */
  tell(message, conversation = null) {
    this.set(this, { alert: { message, conversation } });
  }
}

/** @param {import('./api.js').Query} query */
export const keyOf = (query) => JSON.stringify(query);

/** Whether two values are the same as JSON. */
function same(a, b) {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

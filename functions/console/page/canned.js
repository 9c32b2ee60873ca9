// Canned replies in the answer box: a slash, the beginning of a shortcut, and the reply stands there
// with its placeholders filled in.

import { byId, el, setAttribute } from './dom.js';
import { onLanguage, text } from './text.js';

/** @typedef {import('./api.js').CannedReply} CannedReply */

/** The most that are offered. */
const MOST = 8;
/** A shortcut that is being written: at the beginning of the box, or behind a space. */
const WRITTEN = /(?:^|\s)\/([\p{L}\p{N}_-]*)$/u;
/** {name}, and {name|there} with what to say where it is not known. */
const PLACEHOLDER = /\{(name|agent|email|channel)(?:\|([^{}]*))?\}/g;

/**
 * A reply with what is known in the place of its placeholders; what is not known stays as it is.
 * @param {string} reply
 * @param {import('./api.js').Conversation | undefined} conversation
 * @param {import('./api.js').Me | null} me
 * @returns {string}
 */
export function filled(reply, conversation, me) {
  const user = conversation?.user ?? {};
  const known = {
    name: user.name, agent: me?.name, email: user.placeholder_email ? null : user.email, channel: user.channel,
  };
  return reply.replaceAll(PLACEHOLDER, (whole, what, otherwise) => known[what]?.trim() || (otherwise ?? whole));
}

/**
 * The first placeholder that is left in a text.
 * @param {string} value
 * @returns {{at: number, what: string} | null}
 */
export function unfilled(value) {
  const match = [...value.matchAll(PLACEHOLDER)][0];
  return match ? { at: match.index, what: match[0] } : null;
}

/**
 * The replies that fit what is written behind the slash: those whose shortcut begins so, then those
 * that have it anywhere.
 * @param {CannedReply[]} replies
 * @param {string} written
 * @returns {CannedReply[]}
 */
export function matching(replies, written) {
  const word = written.toLowerCase();
  const begins = replies.filter(({ shortcut }) => shortcut.startsWith(word));
  const has = replies.filter((reply) => !begins.includes(reply) && (reply.shortcut.includes(word) || reply.text.toLowerCase().includes(word)));
  return [...begins, ...has].slice(0, MOST);
}

/**
 * The list above the answer box.
 * @param {import('./store.js').Store} store
 * @param {HTMLTextAreaElement} box
 * @param {() => void} changed what is in the box is another text
 */
export function createPicker(store, box, changed) {
  const list = byId('canned-list');
  /** @type {CannedReply[]} */
  let offered = [];
  let chosen = 0;
  /** Where it was sent away, so that it does not come back with the next letter. */
  let dismissed = null;

  const written = () => {
    if (box.selectionStart !== box.selectionEnd) return null;
    const match = WRITTEN.exec(box.value.slice(0, box.selectionStart));
    return match ? { word: match[1], from: box.selectionStart - match[1].length - 1 } : null;
  };

  function draw() {
    list.hidden = !offered.length;
    list.replaceChildren(...offered.map((reply, place) =>
      el('li', { role: 'option', id: `canned-${place}`, 'data-test': 'canned', 'aria-selected': String(place === chosen) },
        el('b', { dir: 'auto' }, `/${reply.shortcut}`),
        el('span', { dir: 'auto' }, filled(reply.text, store.conversations.get(store.selected), store.me)))));
    setAttribute(box, 'aria-activedescendant', offered.length ? `canned-${chosen}` : null);
    list.children[chosen]?.scrollIntoView({ block: 'nearest' });
  }

  function close() {
    if (!offered.length) return;
    offered = [];
    draw();
  }

  function take(place) {
    const at = written();
    const reply = offered[place];
    close();
    if (!at || !reply) return;
    const line = filled(reply.text, store.conversations.get(store.selected), store.me);
    box.setRangeText(line, at.from, box.selectionStart, 'end');
    const left = unfilled(line);
    if (left) box.setSelectionRange(at.from + left.at, at.from + left.at + left.what.length);
    box.focus();
    changed();
  }

  list.addEventListener('pointerdown', (event) => {
    // The box keeps the keyboard.
    event.preventDefault();
  });
  list.addEventListener('click', (event) => {
    const option = event.target.closest('[role="option"]');
    if (option) take([...list.children].indexOf(option));
  });
  box.addEventListener('blur', close);
  onLanguage(close);

  return {
    close,

    /** Offers what fits what is in the box. */
    look() {
      const at = written();
      if (!at) dismissed = null;
      const fits = at && dismissed !== at.from ? matching(store.canned.replies, at.word) : [];
      const before = offered.length;
      offered = fits;
      chosen = 0;
      draw();
      if (offered.length && offered.length !== before) byId('announce').textContent = text.cannedCount(offered.length);
    },

    /** A key in the box. @param {KeyboardEvent} event @returns {boolean} whether it was for the list */
    key(event) {
      if (!offered.length || event.isComposing) return false;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        chosen = (chosen + step + offered.length) % offered.length;
        draw();
      } else if (event.key === 'Escape') {
        dismissed = written()?.from ?? null;
        close();
        event.stopPropagation();
      } else if ((event.key === 'Enter' || event.key === 'Tab') && !event.shiftKey) {
        take(chosen);
      } else {
        return false;
      }
      event.preventDefault();
      return true;
    },
  };
}

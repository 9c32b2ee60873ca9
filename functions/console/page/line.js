// One line of a conversation: an entry of the log, a line on its way to it, or a turn before the
// handoff.

import { el, setAttribute, setText } from './dom.js';
import { link, setRichText } from './richtext.js';
import { known, text } from './text.js';
import { dateAndTime, timeOfDay } from './time.js';

/**
 * @typedef {object} LineView a line as it is shown
 * @property {string} id
 * @property {'user' | 'bot' | 'agent' | 'system' | 'other'} author
 * @property {'message' | 'automatic' | 'private' | 'note' | 'divider'} form
 * @property {string} name who it is from, or what it marks
 * @property {string} text
 * @property {number} at
 * @property {string} delivery
 * @property {string} state in words; empty where there is nothing to say
 * @property {boolean} bad whether that is bad news
 * @property {boolean} late
 * @property {boolean} joined whether it stands under the name of the line before
 * @property {'replay' | 'refused' | null} action
 * @property {boolean} busy whether the action is under way
 */

/** Delivery in words. A user's line is there, and that is that; unless it could not be carried. */
function stateOf({ author, to, delivery, attempts, error, kind }) {
  if (delivery === 'failed') return { state: text.failed(error), bad: true };
  if (delivery === 'retrying' && author !== 'user') return { state: text.retrying(attempts ?? 1, error), bad: true };
  if (author === 'user' || to !== 'user' || kind === 'closing') return { state: '', bad: false };
  return { state: delivery === 'delivered' ? text.delivered : text.sending, bad: false };
}

function formOf({ kind, author, to }) {
  if (kind === 'opening' || kind === 'closing') return 'divider';
  if (kind === 'note') return 'private';
  if (author !== 'system') return 'message';
  return to === 'user' ? 'automatic' : 'note';
}

/** What an entry says: what the log says by itself is said in the page's language. */
function ofLog({ notice, text: line = '' }) {
  const words = known(text.log, notice?.what);
  if (!words) return line;
  if (typeof words === 'function') return words({ ...notice, reason: known(text.reasons, notice.reason) ?? notice.reason });
  // A question stands behind what is said of it.
  const question = notice.what === 'asked_again' ? line.indexOf(': ') : -1;
  return question < 0 ? words : words + line.slice(question);
}

/**
 * @param {import('./api.js').Entry} entry
 * @param {{user: string, me: string | undefined, replaying: boolean}} context
 * @returns {LineView}
 */
export function ofEntry(entry, { user, me, replaying }) {
  const form = formOf(entry);
  const agent = entry.author_name && entry.author_name === me ? text.you : entry.author_name || text.agent;
  const names = { divider: text[entry.kind], automatic: text.automatic, note: text.note, private: text.privateNote(agent), message: entry.author === 'user' ? user : agent };
  return {
    id: entry.id,
    author: entry.author,
    form,
    name: names[form],
    text: ofLog(entry),
    at: entry.at,
    delivery: entry.delivery,
    ...stateOf(entry),
    late: Boolean(entry.late),
    joined: false,
    action: entry.delivery === 'failed' ? 'replay' : null,
    busy: replaying,
  };
}

/**
 * @param {import('./outbox.js').Line} line
 * @returns {LineView}
 */
export function ofLine(line) {
  const refused = line.status === 409 && !line.note ? text.refusedClosed : text.refused(line.error);
  return {
    id: line.client_id,
    author: 'agent',
    form: line.note ? 'private' : 'message',
    name: line.note ? text.privateNote(text.you) : text.you,
    text: line.text,
    at: line.at,
    delivery: line.state,
    state: { sending: text.sending, unsent: text.unsent, refused }[line.state],
    bad: line.state !== 'sending',
    late: false,
    joined: false,
    action: line.state === 'refused' ? 'refused' : null,
    busy: false,
  };
}

/** @returns {HTMLElement} */
export function createLine() {
  return el('li', { class: 'line', 'data-test': 'entry' },
    el('p', { class: 'line-head' },
      el('span', { class: 'line-author', dir: 'auto' }),
      el('time', { class: 'line-time' }),
      el('span', { class: 'line-late' })),
    el('p', { class: 'entry-text', dir: 'auto' }),
    el('p', { class: 'line-foot' }, el('span', { class: 'line-state', dir: 'auto' })));
}

const BUTTONS = { replay: ['replay'], refused: ['reuse', 'discard'] };

/** @param {Element} node @param {LineView} view */
export function updateLine(node, view) {
  const part = (name) => node.querySelector(name);
  setAttribute(node, 'data-entry-id', view.id);
  setAttribute(node, 'data-author', view.author);
  setAttribute(node, 'data-delivery', view.delivery);
  setAttribute(node, 'data-form', view.form);
  node.classList.toggle('joined', view.joined);
  node.classList.toggle('bad', view.bad);

  setText(part('.line-author'), view.name);
  setText(part('.line-time'), timeOfDay(view.at));
  setAttribute(part('.line-time'), 'datetime', new Date(view.at).toISOString());
  setAttribute(part('.line-time'), 'title', dateAndTime(view.at));
  setText(part('.line-late'), view.late ? text.late : '');
  setRichText(part('.entry-text'), view.text);
  setText(part('.line-state'), view.state);

  const foot = part('.line-foot');
  if ((foot.dataset.action || null) !== view.action) {
    foot.dataset.action = view.action ?? '';
    for (const button of foot.querySelectorAll('button')) button.remove();
    for (const name of BUTTONS[view.action] ?? []) {
      // The thread listens for all of them.
      foot.append(el('button', { type: 'button', class: 'small', 'data-test': name, 'data-action': name }, text[name]));
    }
  }
  for (const button of foot.querySelectorAll('button')) button.disabled = view.busy;
}

/**
 * A turn before the handoff.
 * @param {import('./api.js').Turn} turn
 * @param {string} user what the user is called
 * @returns {HTMLElement}
 */
export function historyLine(turn, user) {
  const body = el('p', { class: 'entry-text', dir: 'auto' });
  const files = (turn.files ?? []).map((file) => {
    const label = text.file(file.content_type);
    return el('p', { class: 'file' }, link(file.url, label) ?? `${label}: ${file.url}`);
  });
  setRichText(body, turn.text || (files.length ? '' : text.noText));
  body.classList.toggle('empty', !turn.text);
  const name = turn.author === 'user' ? user : turn.author === 'other' && turn.type ? turn.type : known(text, turn.author) ?? text.other;
  return el('li', { class: 'line', 'data-test': 'history-line', 'data-author': turn.author, 'data-form': 'message' },
    el('p', { class: 'line-head' }, el('span', { class: 'line-author', dir: 'auto' }, name)), body, ...files);
}

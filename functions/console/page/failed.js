// What was not delivered: the conversations it is in, and sending all of it again.

import { config } from './config.js';
import { byId, el, keyedChildren, setAttribute, setText } from './dom.js';
import { encodeId } from './ids.js';
import { shortId, statusText, whoIs } from './people.js';
import { onLanguage, text } from './text.js';
import { dateAndTime, shortTime } from './time.js';

/** @typedef {import('./api.js').FailedLine} FailedLine */

/**
 * Whether sending a line again can help: a user who has left since does not see it.
 * @param {import('./api.js').Entry} entry
 * @param {import('./api.js').Conversation | undefined} conversation
 * @returns {boolean}
 */
export function canBeSentAgain(entry, conversation) {
  if (entry.delivery !== 'failed') return false;
  if (entry.to !== 'user' || entry.kind === 'closing') return true;
  return conversation !== undefined && conversation.status !== 'closed' && entry.at >= conversation.opened_at;
}

function create() {
  return el('li', { class: 'conversation', 'data-test': 'failed' },
    el('a', {},
      el('span', { class: 'row' },
        el('span', { class: 'who', dir: 'auto' }),
        el('time', { class: 'when' })),
      el('span', { class: 'row' },
        el('span', { class: 'status' }),
        el('span', { class: 'lines-failed' })),
      el('span', { class: 'last', dir: 'auto' })));
}

/** @param {FailedLine[]} failed the last first @returns {Map<string, FailedLine[]>} */
function byConversation(failed) {
  const groups = new Map();
  for (const line of failed) {
    const group = groups.get(line.conversation_id);
    if (group) group.push(line);
    else groups.set(line.conversation_id, [line]);
  }
  return groups;
}

/**
 * @param {import('./store.js').Store} store
 * @param {{since: () => void, replay: () => void}} on
 * @returns {() => void} draws what the store has
 */
export function createFailedView(store, on) {
  const hours = byId('failed-hours');
  const fillHours = () => {
    hours.replaceChildren(...config.failedHours.map((span) => el('option', { value: String(span) }, text.lastHours(span))));
    hours.value = String(store.failed.hours);
  };
  fillHours();
  onLanguage(fillHours);
  hours.addEventListener('change', () => {
    store.set(store.failed, { hours: Number(hours.value), loaded: false, result: '' });
    on.since();
  });
  byId('failed-replay').addEventListener('click', on.replay);

  const draw = keyedChildren(byId('failed-list'), {
    create,
    update(node, [id, lines]) {
      const part = (name) => node.querySelector(name);
      const conversation = store.conversations.get(id);
      const last = lines[0];
      setAttribute(node, 'data-conversation-id', id);
      setAttribute(part('a'), 'href', `#${encodeId(id)}`);
      setAttribute(part('a'), 'aria-current', id === store.selected ? 'true' : null);
      setText(part('.who'), conversation ? whoIs(conversation) : shortId(id));
      setText(part('.status'), conversation ? statusText(conversation) : '');
      setAttribute(part('.status'), 'data-status', conversation?.status ?? null);
      setText(part('.lines-failed'), text.failedLines(lines.length));
      setText(part('.last'), last.entry.error ?? '');
      setText(part('.when'), shortTime(last.failed_at));
      setAttribute(part('.when'), 'datetime', new Date(last.failed_at).toISOString());
      setAttribute(part('.when'), 'title', dateAndTime(last.failed_at));
    },
  });

  return () => {
    const { lines, more, loaded, failed, busy, result } = store.failed;
    const groups = [...byConversation(lines)];
    draw(groups.map((group) => ({ key: group[0], item: group })));
    byId('failed-replay').disabled = busy || !lines.some((line) => canBeSentAgain(line.entry, store.conversations.get(line.conversation_id)));
    setText(byId('failed-result'), busy ? text.sendingAgain : result);
    const note = lines.length ? '' : loaded ? text.noFailed : failed ? text.listFailed : text.loading;
    setText(byId('failed-note'), note);
    setText(byId('failed-count'), lines.length ? text.openCount(lines.length, more) : '');
    hours.disabled = busy;
  };
}

// The messages of the selected conversation.

import { config } from './config.js';
import { byId, el, keyedChildren, setText } from './dom.js';
import { createLine, historyLine, ofEntry, ofLine, updateLine } from './line.js';
import { inDisplayOrder } from './order.js';
import { notYetShown } from './outbox.js';
import { whoIs } from './people.js';
import { onLanguage, text } from './text.js';
import { day, dayKey } from './time.js';

/**
 * @param {import('./store.js').Store} store
 * @param {object} on
 * @param {(entry: string) => void} on.replay
 * @param {(clientId: string) => void} on.reuse
 * @param {(clientId: string) => void} on.discard
 */
export function createThreadView(store, on) {
  const scroll = byId('scroll');
  const jump = byId('jump');
  let shown = null;
  let historyShown = null;
  let atEnd = true;
  let last = null;

  const draw = keyedChildren(byId('thread'), {
    create: (item) => (item.day ? el('li', { class: 'day' }) : createLine()),
    update: (node, item) => (item.day ? setText(node, item.day) : updateLine(node, item)),
  });

  onLanguage(() => {
    draw.clear();
    historyShown = null;
  });

  const toEnd = () => {
    scroll.scrollTop = scroll.scrollHeight;
    atEnd = true;
    jump.hidden = true;
  };
  let size = '';
  const sizeNow = () => `${scroll.clientWidth} ${scroll.clientHeight}`;
  scroll.addEventListener('scroll', () => {
    // Turning a phone is no scrolling.
    if (size !== sizeNow()) return;
    atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight <= config.atEndPx;
    if (atEnd) jump.hidden = true;
  }, { passive: true });
  // The frame shrinks when a keyboard comes up or the answer grows: the end stays in view.
  new ResizeObserver(() => {
    size = sizeNow();
    if (atEnd) toEnd();
  }).observe(scroll);
  jump.addEventListener('click', toEnd);
  byId('thread').addEventListener('click', (event) => {
    const button = event.target.closest('button[data-action]');
    if (!button) return;
    // The button goes away; the keyboard stays where it was.
    scroll.focus({ preventScroll: true });
    on[button.dataset.action](button.closest('[data-entry-id]').dataset.entryId);
  });

  function rows(thread, lines, user) {
    const pending = notYetShown(lines, thread, store.me);
    const views = inDisplayOrder(thread.entries.values()).filter(isNews).map((entry) => ({
      // A line keeps its node when it becomes an entry.
      key: pending.lineOf.get(entry.id) ?? entry.id,
      item: ofEntry(entry, { user, me: store.me?.name, replaying: thread.replaying.has(entry.id) }),
    }));
    views.push(...pending.lines.map((line) => ({ key: line.client_id, item: ofLine(line) })));

    const result = [];
    let before = null;
    for (const view of views) {
      const { item } = view;
      if (!before || dayKey(before.at) !== dayKey(item.at)) {
        // The key has the line's too: out of order, a day can come twice.
        result.push({ key: `day ${dayKey(item.at)} ${view.key}`, item: { day: day(item.at) } });
        before = null;
      }
      item.joined = before !== null && item.form === 'message' && before.form === 'message' && before.author === item.author
        && before.name === item.name && !item.late && Math.abs(item.at - before.at) < config.togetherMs;
      before = item;
      result.push(view);
    }
    return result;
  }

  function drawHistory(thread, user) {
    const state = `${user} ${JSON.stringify(thread.history)}`;
    if (state === historyShown) return;
    historyShown = state;
    byId('history').hidden = !thread.history.length;
    setText(byId('history-title'), text.history(thread.history.length));
    byId('history-lines').replaceChildren(...thread.history.map((turn) => historyLine(turn, user)));
  }

  /** Draws what the store has. */
  function render() {
    const id = store.selected;
    if (id === null) {
      shown = null;
      return;
    }
    const fresh = id !== shown;
    const thread = store.thread(id);
    const conversation = store.conversations.get(id);
    const user = conversation ? whoIs(conversation) : text.user;
    const items = rows(thread, store.lines.get(id) ?? [], user);
    const follow = fresh || atEnd;
    if (fresh) {
      byId('history').open = true;
      jump.hidden = true;
    }
    shown = id;

    drawHistory(thread, user);
    draw(items.map(({ key, item }) => ({ key: `${id} ${key}`, item })));
    setText(byId('thread-note'), noteOf(thread, items.length));

    const end = items.at(-1)?.key ?? null;
    if (follow) toEnd();
    else if (end !== last && thread.loaded) jump.hidden = false;
    last = end;
  }

  return { render, toEnd };
}

/** Both sides are told of an end; whoever reads is told once, and of what did not arrive. */
function isNews({ kind, to, text: said, delivery }, place, all) {
  if (kind !== 'closing' || to === 'user' || delivery === 'failed') return true;
  return !all.slice(Math.max(0, place - 2), place + 3).some((other) => other.kind === 'closing' && other.to === 'user' && other.text === said);
}

function noteOf(thread, lines) {
  if (thread.missing) return text.notFound;
  if (thread.loaded) return lines || thread.history.length ? '' : text.noMessages;
  return thread.failed ? text.threadFailed : text.loading;
}

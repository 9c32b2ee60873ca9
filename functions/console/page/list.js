// The list of conversations: its tabs, and what is in the one shown.

import { byId, el, keyedChildren, setAttribute, setText } from './dom.js';
import { encodeId } from './ids.js';
import { needsAnswer, shortId, statusText, whoIs } from './people.js';
import { onLanguage, text } from './text.js';
import { dateAndTime, now, shortTime, span } from './time.js';

/** @typedef {import('./api.js').Conversation} Conversation */

function create() {
  return el('li', { class: 'conversation', 'data-test': 'conversation' },
    el('a', {},
      el('span', { class: 'row' },
        el('span', { class: 'who', dir: 'auto' }),
        el('span', { class: 'mark', role: 'img' }),
        el('time', { class: 'when' })),
      el('span', { class: 'row' },
        el('span', { class: 'status' }),
        el('span', { class: 'bot', dir: 'auto' })),
      el('span', { class: 'last', dir: 'auto' })));
}

/** @param {Element} node @param {Conversation} conversation @param {{selected: boolean, unread: boolean}} state */
function update(node, conversation, { selected, unread }) {
  const { conversation_id: id, bot_id: bot, status, agent, last } = conversation;
  const part = (name) => node.querySelector(name);
  setAttribute(node, 'data-conversation-id', id);
  setAttribute(node, 'data-status', status);
  node.classList.toggle('unread', unread);
  setAttribute(part('a'), 'href', `#${encodeId(id)}`);
  setAttribute(part('a'), 'aria-current', selected ? 'true' : null);
  setText(part('.who'), whoIs(conversation));
  const mark = part('.mark');
  mark.hidden = !unread && !needsAnswer(conversation);
  setAttribute(mark, 'aria-label', unread ? text.unread : text.needsAnswer);
  setAttribute(mark, 'title', unread ? text.unread : text.needsAnswer);
  setText(part('.status'), status === 'connected' && agent?.name ? `${statusText(conversation)} · ${agent.name}` : statusText(conversation));
  setAttribute(part('.status'), 'data-status', status);
  setText(part('.bot'), bot ? `${text.bot} ${shortId(bot)}` : '');
  setAttribute(part('.bot'), 'title', bot ?? null);
  setText(part('.last'), last?.text ? (text.lastBy[last.author] ?? '') + last.text.slice(0, 200) : '');

  const at = status === 'closed' ? conversation.closed_at : status === 'waiting' ? conversation.opened_at : last?.at ?? conversation.opened_at;
  const when = part('.when');
  setAttribute(when, 'datetime', at ? new Date(at).toISOString() : null);
  setAttribute(when, 'title', at ? dateAndTime(at) : null);
  when.classList.toggle('ticking', status === 'waiting');
  setText(when, !at ? '' : status === 'waiting' ? span(now() - at) : shortTime(at));
}

/** The tabs, in order. */
export const TABS = /** @type {const} */ (['queue', 'mine', 'open', 'closed', 'failed']);

/**
 * @param {import('./store.js').Store} store
 * @param {{has: (conversation: Conversation) => boolean}} unread
 * @param {{tab: (name: typeof TABS[number]) => void, more: () => void}} on
 * @returns {() => void} draws what the store has; also to be called each second, for the waiting times
 */
export function createListView(store, unread, on) {
  const tabs = Object.fromEntries(TABS.map((name) => [name, byId(`tab-${name}`)]));
  const draw = keyedChildren(byId('list'), {
    create,
    update: (node, conversation) => update(node, conversation, {
      selected: conversation.conversation_id === store.selected, unread: unread.has(conversation),
    }),
  });
  onLanguage(draw.clear);

  for (const [name, tab] of Object.entries(tabs)) {
    tab.addEventListener('click', () => on.tab(name));
    tab.addEventListener('keydown', (event) => {
      if (!['ArrowLeft', 'ArrowRight', 'Home', 'End'].includes(event.key)) return;
      event.preventDefault();
      const step = event.key === 'ArrowLeft' ? -1 : 1;
      const next = { Home: 0, End: TABS.length - 1 }[event.key] ?? (TABS.indexOf(name) + step + TABS.length) % TABS.length;
      on.tab(TABS[next]);
      tabs[TABS[next]].focus();
    });
  }
  byId('list-more').addEventListener('click', on.more);

  return () => {
    for (const [name, tab] of Object.entries(tabs)) {
      setAttribute(tab, 'aria-selected', String(name === store.tab));
      tab.tabIndex = name === store.tab ? 0 : -1;
    }
    byId('list-panel').hidden = store.tab === 'failed';
    byId('failed-panel').hidden = store.tab !== 'failed';
    drawCounts();
    if (store.tab === 'failed') return;
    setAttribute(byId('list-panel'), 'aria-labelledby', `tab-${store.tab}`);
    const { list, current } = store.list;
    const { shown } = store;
    draw(shown.map((item) => ({ key: item.conversation_id, item })));

    const loaded = current && list.loaded;
    const filtered = loaded && list.searched !== null;
    const empty = filtered && isFiltered(store) ? text.noFound : { queue: text.noQueue, mine: text.noMine, open: text.noOpen, closed: text.noClosed }[store.tab];
    setText(byId('list-note'), shown.length ? '' : loaded ? empty : list.failed ? text.listFailed : text.loading);
    const searched = filtered && isFiltered(store) ? text.searched(shown.length, list.searched, list.more) : '';
    setText(byId('list-searched'), searched);
    byId('list-more').hidden = !list.more;
    setText(byId('list-more'), filtered ? text.searchOn : text.showMore);
  };

  function drawCounts() {
    const { open } = store.lists;
    const all = open.ids.map((id) => store.conversations.get(id)).filter((one) => one && one.status !== 'closed');
    const isMine = ({ agent }) => agent && agent.id === store.me?.id;
    const count = (name, n) => setText(byId(`${name}-count`), open.loaded && n ? text.openCount(n, open.more) : '');
    count('queue', all.filter(({ agent }) => !agent).length);
    count('mine', all.filter(isMine).length);
    count('open', all.length);
    // Whoever has another page in front of them is told of what is theirs to do.
    const todo = all.filter((one) => one.status === 'waiting' || (isMine(one) && unread.has(one))).length;
    const title = todo ? text.titleWaiting(todo) : text.product;
    if (document.title !== title) document.title = title;
  }
}

const isFiltered = ({ filters: { q, bot, desk, waiting }, tab }) => Boolean(q || bot || desk || (waiting && tab !== 'closed'));

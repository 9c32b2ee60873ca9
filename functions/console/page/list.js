// The list of conversations, open or closed.

import { byId, el, keyedChildren, setAttribute, setText } from './dom.js';
import { encodeId } from './ids.js';
import { needsAnswer, shortId, statusText, whoIs } from './people.js';
import { text } from './text.js';
import { dateAndTime, now, shortTime, span } from './time.js';

/** @typedef {import('./api.js').Conversation} Conversation */

function create() {
  return el('li', { class: 'conversation', 'data-test': 'conversation' },
    el('a', {},
      el('span', { class: 'row' },
        el('span', { class: 'who', dir: 'auto' }),
        el('span', { class: 'mark', role: 'img', 'aria-label': text.needsAnswer, title: text.needsAnswer }),
        el('time', { class: 'when' })),
      el('span', { class: 'row' },
        el('span', { class: 'status' }),
        el('span', { class: 'bot', dir: 'auto' })),
      el('span', { class: 'last', dir: 'auto' })));
}

/** @param {Element} node @param {Conversation} conversation @param {boolean} selected */
function update(node, conversation, selected) {
  const { conversation_id: id, bot_id: bot, status, agent, last } = conversation;
  const part = (name) => node.querySelector(name);
  setAttribute(node, 'data-conversation-id', id);
  setAttribute(node, 'data-status', status);
  setAttribute(part('a'), 'href', `#${encodeId(id)}`);
  setAttribute(part('a'), 'aria-current', selected ? 'true' : null);
  setText(part('.who'), whoIs(conversation));
  part('.mark').hidden = !needsAnswer(conversation);
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

/**
 * @param {import('./store.js').Store} store
 * @param {{tab: (name: 'open' | 'closed' | 'failed') => void, more: () => void}} on
 * @returns {() => void} draws what the store has; also to be called each second, for the waiting times
 */
export function createListView(store, on) {
  const tabs = { open: byId('tab-open'), closed: byId('tab-closed'), failed: byId('tab-failed') };
  const names = Object.keys(tabs);
  const draw = keyedChildren(byId('list'), {
    create,
    update: (node, conversation) => update(node, conversation, conversation.conversation_id === store.selected),
  });

  for (const [name, tab] of Object.entries(tabs)) {
    tab.addEventListener('click', () => on.tab(name));
    tab.addEventListener('keydown', (event) => {
      if (!['ArrowLeft', 'ArrowRight', 'Home', 'End'].includes(event.key)) return;
      event.preventDefault();
      const step = event.key === 'ArrowLeft' ? -1 : 1;
      const next = { Home: 0, End: names.length - 1 }[event.key] ?? (names.indexOf(name) + step + names.length) % names.length;
      const other = names[next];
      on.tab(other);
      tabs[other].focus();
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
    drawCount();
    if (store.tab === 'failed') return;
    setAttribute(byId('list-panel'), 'aria-labelledby', `tab-${store.tab}`);
    const list = store.lists[store.tab];

    // One that was closed or opened a moment ago stays out of the other list.
    const shown = list.ids.map((id) => store.conversations.get(id)).filter((one) => one && (one.status === 'closed') === (store.tab === 'closed'));
    draw(shown.map((item) => ({ key: item.conversation_id, item })));

    const empty = store.tab === 'open' ? text.noOpen : text.noClosed;
    const note = shown.length ? '' : list.loaded ? empty : list.failed ? text.listFailed : text.loading;
    setText(byId('list-note'), note);
    byId('list-more').hidden = !list.more;
  };

  function drawCount() {
    const { open } = store.lists;
    setText(byId('open-count'), open.loaded ? text.openCount(open.ids.length, open.more) : '');
    const waiting = open.ids.filter((id) => store.conversations.get(id)?.status === 'waiting').length;
    const title = waiting ? text.titleWaiting(waiting) : text.product;
    if (document.title !== title) document.title = title;
  }
}

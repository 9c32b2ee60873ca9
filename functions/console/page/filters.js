// What is looked for in the lists: words, and filters.

import { config } from './config.js';
import { byId, el, setAttribute, setText } from './dom.js';
import { shortId } from './people.js';
import { onLanguage, text } from './text.js';

/**
 * @param {import('./store.js').Store} store
 * @param {() => void} onChange something else is looked for
 * @returns {() => void} draws what the store has
 */
export function createFilters(store, onChange) {
  const search = byId('search');
  const selects = { bot: byId('filter-bot'), desk: byId('filter-desk'), waiting: byId('filter-waiting') };
  const toggle = byId('filters-toggle');
  const panel = byId('filters');
  /** Bots and desks that were seen, since there is no list of all. */
  const known = { bot: new Set(), desk: new Set() };
  let drawn = '';

  const set = (filters) => {
    store.set(store, { filters: { ...store.filters, ...filters } });
    store.lists.found.pages = 1;
    onChange();
  };
  let typing = 0;
  search.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => set({ q: search.value.trim() }), config.typingMs);
  });
  search.addEventListener('keydown', (event) => {
    if (event.isComposing || event.key !== 'Escape' || !search.value) return;
    event.stopPropagation();
    event.preventDefault();
    search.value = '';
    set({ q: '' });
  });
  for (const [name, select] of Object.entries(selects)) {
    select.addEventListener('change', () => set({ [name]: name === 'waiting' ? Number(select.value) || null : select.value }));
  }
  toggle.addEventListener('click', () => {
    panel.hidden = !panel.hidden;
    setAttribute(toggle, 'aria-expanded', String(!panel.hidden));
  });
  byId('filters-clear').addEventListener('click', () => {
    search.value = '';
    set({ q: '', bot: '', desk: '', waiting: null });
    toggle.focus();
  });
  onLanguage(() => {
    drawn = '';
  });

  function fill(select, first, options, value) {
    select.replaceChildren(el('option', { value: '' }, first), ...options.map(([of, label]) => el('option', { value: String(of) }, label)));
    select.value = value ?? '';
  }

  return () => {
    byId('list-tools').hidden = store.tab === 'failed';
    for (const { bot_id: bot, desk } of store.conversations.values()) {
      if (bot) known.bot.add(bot);
      if (desk) known.desk.add(desk);
    }
    const { bot, desk, waiting } = store.filters;
    const on = [bot, desk, waiting].filter(Boolean).length;
    setText(toggle, on ? text.filtersOn(on) : text.filters);
    byId('filters-clear').hidden = !on && !store.filters.q;
    selects.waiting.hidden = store.tab === 'closed';
    const state = JSON.stringify([...known.bot, ...known.desk]);
    if (state === drawn) return;
    drawn = state;
    fill(selects.bot, text.anyBot, [...known.bot].sort().map((id) => [id, shortId(id)]), bot);
    fill(selects.desk, text.anyDesk, [...known.desk].sort().map((id) => [id, id]), desk);
    fill(selects.waiting, text.anyWaiting, config.waitingMinutes.map((n) => [n * 60, text.waitingMinutes(n)]), waiting);
  };
}

// Handing a conversation to a colleague: who is there.

import { config } from './config.js';
import { byId, el } from './dom.js';
import { onLanguage, text } from './text.js';
import { now, shortTime } from './time.js';

/**
 * @param {import('./store.js').Store} store
 * @param {{colleagues: () => Promise<void>, assign: (to: string) => Promise<void>}} on
 * @returns {() => void} draws what the store has
 */
export function createAssign(store, on) {
  const dialog = byId('assign-dialog');
  const list = byId('assign-list');
  let drawn = '';
  onLanguage(() => {
    drawn = '';
  });

  byId('assign').addEventListener('click', async () => {
    drawn = '';
    draw();
    dialog.showModal();
    await on.colleagues();
  });
  byId('assign-cancel').addEventListener('click', () => dialog.close());
  list.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-agent]');
    if (!button) return;
    dialog.close();
    on.assign(button.dataset.agent);
  });

  function draw() {
    if (!dialog.open && drawn !== '') return;
    const others = store.colleagues.filter(({ id }) => id !== store.me?.id);
    const state = JSON.stringify(others);
    if (state === drawn) return;
    drawn = state;
    const isHere = ({ seen_at: at }) => now() - at < config.hereMs;
    // Who is here comes first.
    others.sort((a, b) => isHere(b) - isHere(a) || a.name.localeCompare(b.name));
    list.replaceChildren(...others.map((one) =>
      el('li', {},
        el('button', { type: 'button', 'data-agent': one.id, 'data-test': 'colleague', class: isHere(one) ? 'here' : null },
          el('span', { dir: 'auto' }, one.name),
          el('span', { class: 'quietly' }, isHere(one) ? text.here : text.lastSeen(shortTime(one.seen_at)))))));
    byId('assign-note').textContent = others.length ? '' : text.assignNobody;
  }
  return draw;
}

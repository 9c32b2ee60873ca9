// The keyboard's shortcuts, and the dialog that tells them. Single letters count only outside of
// boxes, and can be switched off (WCAG 2.2, 2.1.4).

import { byId, el } from './dom.js';
import { preferences } from './preferences.js';
import { onLanguage, text } from './text.js';

/** What is written on the keys, and what they do, by the names of `text.keys`. */
const KEYS = {
  next: 'j', previous: 'k', answer: 'a', note: 'n', claim: 't', assign: 'h', release: 'r', close: 'x', replay: 'f',
  messages: 'm', search: '/', tabs: '1 … 5', leave: 'Esc', help: '?', canned: '/',
};

const isText = (node) => node instanceof HTMLElement && (node.matches('textarea, select, input:not([type="checkbox"])') || node.isContentEditable);

/**
 * @param {object} on what each does
 * @param {(step: 1 | -1) => void} on.step another conversation of the list
 * @param {(place: number) => void} on.tab
 * @param {() => void} on.answer @param {() => void} on.note
 * @param {() => void} on.leave away from a box, or back to the list
 */
export function listenToKeys(on) {
  const dialog = byId('keys-dialog');
  // Only what can be pressed with the mouse now.
  const press = (id) => {
    const button = byId(id);
    if (button.offsetParent !== null && !button.disabled) button.click();
  };
  const does = {
    j: () => on.step(1), k: () => on.step(-1), a: on.answer, n: on.note,
    t: () => (byId('claim').hidden ? press('take-over') : press('claim')),
    h: () => press('assign'), r: () => press('release'), x: () => press('close'), f: () => press('replay-all'),
    m: () => byId('scroll').focus(), '/': () => byId('search').focus(), '?': help,
  };

  function help() {
    byId('keys-list').replaceChildren(...Object.entries(KEYS).map(([name, key]) =>
      el('div', {}, el('dt', {}, ...key.split(' ').map((one) => (one === '…' ? '…' : el('kbd', {}, one)))), el('dd', {}, text.keys[name]))));
    if (!dialog.open) dialog.showModal();
  }
  byId('keys-open').addEventListener('click', help);
  byId('keys-close').addEventListener('click', () => dialog.close());
  onLanguage(() => dialog.open && help());

  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector('dialog[open]')) return;
    if (event.key === 'Escape') {
      on.leave();
      return;
    }
    if (!preferences.keys || isText(event.target)) return;
    const act = /^[1-5]$/.test(event.key) ? () => on.tab(Number(event.key) - 1) : does[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

// The supervisors' dialog: figures, personal data and settings, each loaded when it is first looked at.

import { el } from './dom.js';
import { words } from './supervise-text.js';
import { text as page } from './text.js';

const TICK_MS = 1000;

const views = {
  figures: async () => (await import('./stats.js')).createFigures,
  people: async () => (await import('./erasure.js')).createPeople,
  settings: async () => (await import('./settings.js')).createSettings,
};

/** The style sheet, once it is there. */
let style = null;
function styled() {
  style ??= new Promise((done) => {
    const href = new URL('./supervise.css', import.meta.url).href;
    // Without it the dialog can still be read.
    document.head.append(el('link', { rel: 'stylesheet', href, onload: done, onerror: done }));
  });
  return style;
}

/** @returns {string} what its button is called */
export const title = () => words().open;

/** Opens it. @param {import('./store.js').Store} store */
export async function open(store) {
  await styled();
  const text = words();
  const dialog = el('dialog', { class: 'supervise', 'aria-labelledby': 'supervise-title', 'data-test': 'supervise-dialog' });
  const isChanged = () => Object.values(made).some((view) => view.isChanged?.());
  const leave = (event) => {
    if (isChanged() && !confirm(page.unsaved)) event?.preventDefault();
    else dialog.close();
  };
  const panel = el('div', { class: 'panel', role: 'tabpanel', id: 'supervise-panel' });
  /** @type {Record<string, {root: Element, show: () => void, tick: () => void, isChanged?: () => boolean}>} */
  const made = {};
  let current = null;
  let wanted = '';
  const names = Object.keys(views);
  const tabs = names.map((name) => el('button', {
    type: 'button', role: 'tab', id: `supervise-${name}`, 'aria-controls': 'supervise-panel', 'data-test': `supervise-${name}`, onclick: () => show(name),
  }, text.tabs[name]));

  async function show(name) {
    wanted = name;
    try {
      if (!made[name]) {
        const create = await views[name]();
        made[name] ??= create(leave, store);
      }
    } catch {
      // Below: the connection, or an update since the page was opened.
    }
    // Another one may have been chosen meanwhile.
    if (wanted !== name) return;
    current = made[name] ?? null;
    panel.replaceChildren(current?.root ?? el('p', { role: 'alert', 'data-test': 'supervise-older' }, store.connection === 'lost' ? text.failed(page.network) : page.older));
    panel.setAttribute('aria-labelledby', `supervise-${name}`);
    tabs.forEach((tab, at) => {
      tab.setAttribute('aria-selected', String(names[at] === name));
      tab.tabIndex = names[at] === name ? 0 : -1;
    });
    current?.show();
  }

  const onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = (tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length;
    show(names[at]);
    tabs[at].focus();
  };
  dialog.append(
    el('div', { class: 'supervise-head' },
      el('h2', { id: 'supervise-title' }, text.title),
      el('button', { type: 'button', 'data-test': 'supervise-close', onclick: leave }, text.close)),
    el('div', { class: 'tabs', role: 'tablist', 'aria-label': text.title, onkeydown }, ...tabs),
    panel);
  dialog.addEventListener('cancel', leave);
  dialog.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || event.isComposing) return;
    // Some browsers close at the second Escape without asking.
    event.preventDefault();
    leave();
  });
  // Leaving the page would take along what is typed.
  const stay = (event) => isChanged() && event.preventDefault();
  window.addEventListener('beforeunload', stay);
  const timer = setInterval(() => current?.tick(), TICK_MS);
  dialog.addEventListener('close', () => {
    clearInterval(timer);
    window.removeEventListener('beforeunload', stay);
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  show(names[0]);
}

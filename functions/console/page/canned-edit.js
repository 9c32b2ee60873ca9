// The canned replies as supervisors edit them; everybody else may read them there.

import { api } from './api.js';
import { byId, el } from './dom.js';
import { onLanguage, text } from './text.js';

/** @param {import('./store.js').Store} store */
export function createCannedEditor(store) {
  const dialog = byId('canned-dialog');
  const rows = byId('canned-rows');
  const result = byId('canned-result');
  let version = 0;
  let before = '';
  let busy = false;

  const mayEdit = () => Boolean(store.me?.supervisor);
  const values = () => [...rows.children].map((row) => ({
    shortcut: row.querySelector('input').value.trim(), text: row.querySelector('textarea').value.trim(),
  })).filter(({ shortcut, text: reply }) => shortcut || reply);
  const isChanged = () => mayEdit() && JSON.stringify(values()) !== before;

  function row({ shortcut, text: reply }) {
    const readonly = !mayEdit();
    const input = el('input', { type: 'text', value: shortcut, maxlength: '40', readonly, autocomplete: 'off', spellcheck: 'false', dir: 'auto', 'aria-label': text.cannedShortcut, placeholder: text.cannedShortcut });
    const area = el('textarea', { rows: '2', maxlength: '4000', readonly, dir: 'auto', 'aria-label': text.cannedText, placeholder: text.cannedText });
    area.value = reply;
    const remove = el('button', { type: 'button', class: 'quiet', 'aria-label': text.cannedRemove(shortcut), title: text.cannedRemove(shortcut), onclick: () => {
      node.remove();
      byId('canned-add').focus();
    } }, '✕');
    const node = el('li', { 'data-test': 'canned-row' }, input, area, ...(readonly ? [] : [remove]));
    return node;
  }

  function fill(canned) {
    version = canned.version;
    store.set(store, { canned });
    rows.replaceChildren(...canned.replies.map(row));
    before = JSON.stringify(values());
    byId('canned-empty').hidden = canned.replies.length > 0;
    for (const id of ['canned-add', 'canned-save']) byId(id).hidden = !mayEdit();
  }

  async function open() {
    result.textContent = '';
    fill(store.canned);
    dialog.showModal();
    try {
      const canned = await api.canned();
      if (!isChanged()) fill(canned);
    } catch (error) {
      result.textContent = error.message;
    }
  }

  byId('canned-open').addEventListener('click', open);
  byId('canned-add').addEventListener('click', () => {
    const node = row({ shortcut: '', text: '' });
    rows.append(node);
    byId('canned-empty').hidden = true;
    node.querySelector('input').focus();
  });
  byId('canned-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    if (busy || !mayEdit()) return;
    busy = true;
    try {
      fill(await api.putCanned(version, values()));
      result.textContent = text.cannedSaved;
    } catch (error) {
      result.textContent = error.status === 409 ? text.cannedConflict : text.cannedNotSaved(error.message);
    }
    busy = false;
  });
  const leave = (event) => {
    if (isChanged() && !confirm(text.unsaved)) event.preventDefault();
    else dialog.close();
  };
  byId('canned-close').addEventListener('click', leave);
  dialog.addEventListener('cancel', leave);
  onLanguage(() => rows.replaceChildren());
}

// The supervisors' settings: the form, what is wrong with it as one types, what users will be told, and
// what to do when somebody else has saved meanwhile. What was typed goes nowhere by itself: neither a
// refusal nor a lost connection nor another one's version takes it away.

import { el } from './dom.js';
import { asGroup, changes, memberOf, takeOut, withChanges, within, withoutNull } from './settings-changes.js';
import { createForm, showWrong, titleAt } from './settings-form.js';
import { label, languageName, problemInWords, say } from './settings-text.js';
import { superviseApi } from './supervise-api.js';
import { select, table } from './supervise-parts.js';
import { words } from './supervise-text.js';
import { span } from './time.js';

/** Pause after the last key before the server is asked. */
const CHECK_AFTER_MS = 300;

const shown = (value) => (value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value));

export function createSettings() {
  /** @type {Awaited<ReturnType<typeof superviseApi.settings>> | null} the version that this was made from */
  let base = null;
  const draft = { value: {} };
  let form = null;
  /** @type {string | null} */
  let bot = null;
  let language = '';
  let wrong = [];
  let timer = 0;
  /** Counts the checks: only the last one's answer is shown. */
  let asked = 0;
  let busy = false;

  const part = (test, properties = {}) => el('div', { 'data-test': test, ...properties });
  const status = el('p', { role: 'status', 'data-test': 'settings-status' });
  const summary = part('settings-summary', { class: 'summary', tabindex: '-1' });
  const found = el('p', { role: 'status', 'data-test': 'settings-found' });
  const conflict = part('settings-conflict');
  const scope = part('settings-scope', { class: 'fields' });
  const rows = part('settings-form', { class: 'settings-form' });
  const preview = el('section', { class: 'preview', 'aria-labelledby': 'preview-title', 'data-test': 'settings-preview' });
  const version = el('span', { class: 'help', 'data-test': 'settings-version' });
  const save = el('button', { type: 'submit', class: 'primary', 'data-test': 'settings-save' }, say('save'));
  const root = el('form', { class: 'settings', novalidate: true, onsubmit },
    el('div', { class: 'settings-scroll' }, conflict, scope, el('div', { class: 'settings-body' }, rows, preview)),
    el('div', { class: 'settings-foot' }, summary, status, el('div', { class: 'fields' }, save, version)));
  summary.append(found);

  const isChanged = () => base !== null && changes(base.document, draft.value).length > 0;
  const bots = () => Object.keys(asGroup(draft.value.bots));
  const ownLanguage = () => memberOf(draft.value.bots, bot)?.language ?? draft.value.language ?? base.defaults.language;

  async function fetchStored() {
    const stored = await superviseApi.settings();
    return { ...stored, document: withoutNull(asGroup(stored.document)) };
  }

  async function load() {
    const before = base;
    status.textContent = words().loading;
    try {
      const [stored, schema] = await Promise.all([fetchStored(), superviseApi.settingsSchema()]);
      if (status.textContent === words().loading) status.textContent = '';
      // What was typed or saved meanwhile counts for more.
      if (isChanged() || base !== before) return;
      form ??= createForm(schema, stored, check, ownLanguage);
      // The same again leaves the form, and who is in it, alone.
      if (base?.version === stored.version && rows.hasChildNodes()) check(0);
      else begin(stored, stored.document);
      const unreadable = stored.wrong.find(({ path }) => path === '');
      if (unreadable) status.textContent = say('unreadable', unreadable.problem);
    } catch (error) {
      status.replaceChildren(words().failed(error.message), ' ',
        el('button', { type: 'button', class: 'small', onclick: load }, words().again));
    }
  }

  /** Goes on from a version, with this document. */
  function begin(stored, document) {
    base = stored;
    draft.value = structuredClone(document);
    version.textContent = stored.version ? say('version', stored.version) : '';
    conflict.replaceChildren();
    draw();
    check(0);
  }

  /** @param {string | null} chosen the bot */
  function draw(chosen = bot) {
    const id = bots().includes(chosen) ? chosen : null;
    // First: where this throws, the rows that are there stay those of `bot`.
    const drawn = form.draw(draft, id);
    bot = id;
    const choose = select(say('scope'), [['', say('all')], ...bots().map((id) => [`=${id}`, id])], bot === null ? '' : `=${bot}`, 'settings-bot', (value) => {
      try {
        show(value === '' ? null : value.slice(1));
      } finally {
        const box = scope.querySelector('select');
        box.value = bot === null ? '' : `=${bot}`;
        box.focus();
      }
    });
    const name = el('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', dir: 'auto', 'data-test': 'settings-new-bot' });
    const add = () => {
      const added = name.value.trim();
      if (!added) return name.focus();
      draft.value = { ...draft.value, bots: { ...asGroup(draft.value.bots), [added]: memberOf(draft.value.bots, added) ?? {} } };
      show(added);
      return rows.querySelector('button, input, select').focus();
    };
    name.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.isComposing) return;
      event.preventDefault();
      add();
    });
    const remove = () => {
      const { [bot]: _, ...others } = draft.value.bots;
      draft.value = { ...draft.value, bots: others };
      if (!Object.keys(others).length) delete draft.value.bots;
      show(null);
      scope.querySelector('select').focus();
    };
    scope.replaceChildren(choose,
      ...(bot === null ? [] : [el('button', { type: 'button', class: 'danger', 'data-test': 'settings-remove-bot', onclick: remove }, say('removeBot', bot))]),
      el('label', { class: 'labelled' }, el('span', {}, say('addBot')), name),
      el('button', { type: 'button', 'data-test': 'settings-add-bot', onclick: add }, say('add')));
    rows.replaceChildren(...drawn);
    showWrong(rows, wrong);
  }

  function show(id) {
    draw(id);
    language = '';
    check(0);
  }

  /** Asks what is wrong, a moment after the last key. */
  function check(after = CHECK_AFTER_MS) {
    clearTimeout(timer);
    asked += 1;
    timer = setTimeout(checkNow, after);
  }

  /** @returns {Promise<boolean>} whether nothing is wrong */
  async function checkNow() {
    clearTimeout(timer);
    const mine = (asked += 1);
    try {
      const answer = await superviseApi.checkSettings({ document: draft.value, bot: bot ?? '', language });
      if (mine === asked) drawCheck(answer);
      return mine === asked && answer.wrong.length === 0;
    } catch (error) {
      if (mine === asked) found.textContent = say('unchecked', error.message);
      return false;
    }
  }

  function drawCheck(answer) {
    wrong = answer.wrong.map(({ path, problem }) => ({ path, problem: problemInWords(problem), unknown: problem.startsWith('is not known') }));
    const places = showWrong(rows, wrong);
    const said = wrong.length ? say('wrong', wrong.length) : say('fine');
    if (found.textContent !== said) found.textContent = said;
    summary.classList.toggle('bad', wrong.length > 0);
    save.setAttribute('aria-disabled', String(wrong.length > 0));
    // Where somebody is going through the list, the same list stays.
    const key = JSON.stringify(wrong);
    if (summary.dataset.key !== key) {
      summary.dataset.key = key;
      const button = (title, onclick) => el('button', { type: 'button', class: 'small', onclick }, title);
      const items = wrong.map((one, at) => el('li', {}, one.unknown
        // It has no row to be mended in.
        ? button(say('remove', one.path), () => {
          takeOut(draft.value, one.path);
          summary.focus();
          check(0);
        })
        : button(titleAt(places[at]) || one.path, () => go(one.path, places[at])), ' ', one.problem));
      summary.replaceChildren(found, ...(items.length ? [el('ul', {}, ...items)] : []));
    }
    if (answer.preview) drawPreview(answer.preview);
    else if (preview.lastElementChild) preview.dataset.old = say('previewOld');
  }

  /** To the place of a mistake, in the form of another bot where it is there. */
  function go(path, node) {
    if (!node?.isConnected) {
      draw(bots().find((id) => path.startsWith(within('bots', id))) ?? null);
      [node] = showWrong(rows, wrong.filter((one) => one.path === path));
      showWrong(rows, wrong);
    }
    node?.control.focus();
  }

  function drawPreview({ language: used, languages, lines, opens }) {
    delete preview.dataset.old;
    const all = languages.includes(used) ? languages : [used, ...languages];
    const choose = select(say('previewIn'), all.map((code) => [code, languageName(code)]), used, 'preview-language', (code) => {
      language = code;
      checkNow().then(() => preview.querySelector('select').focus());
    });
    const when = (seconds) => (seconds === null ? '' : ` · ${seconds ? say('after', span(seconds * 1000)) : say('atOnce')}`);
    const place = (of) => {
      const names = of.split('.');
      const name = label(names.at(-1), names.at(-2));
      return names[0] === 'idle' ? `${label(names[1])}: ${name}` : name;
    };
    const items = lines.map(({ of, after_seconds: seconds, text }) => el('li', { 'data-of': of },
      el('span', { class: 'help' }, place(of) + when(seconds)), el('p', { dir: 'auto', lang: used }, text)));
    const focused = preview.contains(document.activeElement);
    preview.replaceChildren(el('h3', { id: 'preview-title' }, say('preview')), choose,
      ...(opens ? [el('p', { 'data-test': 'preview-opens' }, say('otherwise', say('opens'), opens))] : []),
      items.length ? el('ol', { role: 'list' }, ...items) : el('p', {}, say('silent')));
    if (focused) preview.querySelector('select').focus();
  }

  async function onsubmit(event) {
    event.preventDefault();
    if (busy || base === null) return;
    busy = true;
    status.textContent = '';
    if (await checkNow()) await put();
    else summary.focus();
    busy = false;
  }

  /** What is in force is what was sent. */
  function saved(now, document) {
    base = { ...base, version: now, document, wrong: [] };
    version.textContent = say('version', now);
    status.textContent = say('saved', now);
    conflict.replaceChildren();
  }

  async function put() {
    const document = structuredClone(draft.value);
    try {
      const { version: now } = await superviseApi.putSettings(base.version, document);
      saved(now, document);
    } catch (error) {
      if (error.status === 409) await drawConflict();
      else status.textContent = say('notSaved', error.message);
    }
  }

  /** Somebody was faster: both are shown, and the person decides. */
  async function drawConflict() {
    let now;
    try {
      now = await fetchStored();
    } catch (error) {
      status.textContent = say('notSaved', error.message);
      return undefined;
    }
    // Sent twice, since the first answer got lost.
    if (!changes(now.document, draft.value).length) return saved(now.version, now.document);
    const mine = () => changes(base.document, draft.value);
    const theirs = changes(base.document, now.document);
    const paths = new Map([...theirs, ...mine()].map((one) => [one.path, one]));
    const value = (of, path, otherwise) => shown((of.find((one) => one.path === path) ?? { after: otherwise }).after);
    const lines = [...paths.values()].map(({ path, before }) => [path, shown(before), value(theirs, path, before), value(mine(), path, before)]);
    const begun = (document, said) => {
      begin(now, document);
      status.textContent = said;
      save.focus();
    };
    const button = (title, test, onclick) => el('button', { type: 'button', 'data-test': test, onclick }, title);
    const box = el('div', { class: 'ask', role: 'group', tabindex: '-1', 'aria-labelledby': 'conflict-title' },
      el('p', { id: 'conflict-title' }, say('conflict', now.version)),
      table(say('changes'), [say('place'), say('before'), say('theirs'), say('mine')], lines),
      el('div', { class: 'fields' },
        button(say('rebase'), 'settings-rebase', () => begun(withChanges(now.document, mine()), say('rebased', now.version))),
        button(say('anew'), 'settings-anew', () => begun(now.document, ''))));
    conflict.replaceChildren(box);
    return box.focus();
  }

  return {
    root,
    isChanged,
    show() {
      if (!isChanged()) load();
    },
    tick() {},
  };
}

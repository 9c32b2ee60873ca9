// Personal data: finding all of a person, handing it out, erasing it.

import { el } from './dom.js';
import { encodeId } from './ids.js';
import { shortId, whoIs } from './people.js';
import { superviseApi } from './supervise-api.js';
import { select, table } from './supervise-parts.js';
import { words } from './supervise-text.js';
import { dateAndTime } from './time.js';

/** Pause between two looks whether GPTBots has been told of an end. */
const PAUSE_MS = 2000;

/** Lets the browser keep a file. @param {string} name @param {string} content @param {string} type */
function download(name, content, type) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  el('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/**
 * @param {() => void} leave called when a conversation is to be shown
 * @param {import('./store.js').Store} store
 */
export function createPeople(leave, store) {
  const text = words();
  let by = 'conversation';
  /** @type {{person: object, conversations: object[]} | null} */
  let found = null;
  let busy = false;
  let atOnce = false;

  const field = (name, label) => {
    const input = el('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', dir: 'auto', 'data-test': name });
    return { input, label: el('label', { class: 'labelled' }, el('span', {}, label), input) };
  };
  const value = field('people-value', text.value);
  const bot = field('people-bot', text.botId);
  const kind = select(text.findBy, Object.entries(text.by), by, 'people-by', (name) => {
    by = name;
    bot.label.hidden = by === 'conversation';
  });
  bot.label.hidden = true;
  const status = el('p', { role: 'status', 'data-test': 'people-status' });
  const result = el('div', { 'data-test': 'people-result' });
  const records = el('div', { 'data-test': 'erasures' });
  const form = el('form', { class: 'fields', onsubmit },
    kind, value.label, bot.label,
    el('button', { type: 'submit', class: 'primary', 'data-test': 'people-find' }, text.find));
  const root = el('div', {},
    el('p', {}, text.peopleIntro), form, el('p', { class: 'help' }, text.notByEmail),
    status, result,
    el('h3', {}, text.records), records);

  function onsubmit(event) {
    event.preventDefault();
    find(by === 'conversation' ? { conversation: value.input.value } : { bot: bot.input.value, [by]: value.input.value });
  }

  /** Does one thing at a time, and says what went wrong. */
  async function alone(work) {
    if (busy) return;
    busy = true;
    try {
      await work();
    } catch (error) {
      status.textContent = text.failed(error.message);
    }
    busy = false;
  }

  const find = (person) => alone(async () => {
    result.replaceChildren();
    status.textContent = text.loading;
    found = await superviseApi.people(person).catch((error) => {
      if (error.status === 404) return null;
      throw error;
    });
    draw();
  });

  function draw() {
    const conversations = found?.conversations ?? [];
    status.textContent = conversations.length ? text.found(conversations.length) : text.nothingFound;
    if (!conversations.length) return;
    const rows = conversations.map((one) => [
      el('a', { href: `#${encodeId(one.conversation_id)}`, dir: 'auto', onclick: leave }, whoIs(one)),
      shortId(one.conversation_id), dateAndTime(one.opened_at), text.states[one.status] ?? one.status,
      el('button', { type: 'button', class: 'small', onclick: () => ask({ conversation: one.conversation_id }, 1) }, text.eraseOne),
    ]);
    const linked = found.linked.map(({ by: name, value: id, conversations: n }) => el('p', { class: 'linked' },
      text.linked(text.by[name], id, n), ' ',
      el('button', {
        type: 'button', class: 'small', onclick: () => find({ bot: found.person.bot ?? conversations[0].bot_id, [name]: id }),
      }, text.lookFor)));
    const button = (name, title, on, look = '') => el('button', { type: 'button', class: look, 'data-test': name, onclick: on }, title);
    result.replaceChildren(
      table(text.found(conversations.length), [text.user, text.by.conversation, text.opened, text.state, ''], rows),
      ...linked,
      el('div', { class: 'fields' },
        button('export-json', text.downloadJson, () => alone(asJson)),
        button('export-text', text.downloadText, () => alone(asText)),
        button('erase', text.erase, () => ask({ person: found.person }, conversations.length), 'danger')));
  }

  const ids = () => found.conversations.map((one) => one.conversation_id);

  async function asJson() {
    const conversations = [];
    for (const id of ids()) conversations.push((await superviseApi.exportJson(id)).export);
    const all = { exported_at: new Date().toISOString(), conversations };
    download('export.json', `${JSON.stringify(all, null, 2)}\n`, 'application/json');
  }

  async function asText() {
    const texts = [];
    for (const id of ids()) texts.push((await superviseApi.exportText(id)).text);
    download('export.txt', texts.join('\n\n'), 'text/plain');
  }

  /** Asks once more. */
  function ask(whom, number) {
    if (busy) return;
    const confirm = el('button', { type: 'button', class: 'danger', 'data-test': 'erase-confirm', onclick: () => alone(() => erase(whom)) }, text.eraseConfirm);
    result.replaceChildren(el('div', { class: 'ask', role: 'group', 'aria-label': text.eraseConfirm },
      el('p', {}, text.eraseAsk(number)), el('p', {}, text.eraseKeeps),
      el('div', { class: 'fields' }, confirm, el('button', { type: 'button', 'data-test': 'erase-cancel', onclick: draw }, text.cancel))));
    confirm.focus();
  }

  async function erase(whom) {
    atOnce = false;
    let erased = 0;
    const hurry = el('button', { type: 'button', hidden: true, 'data-test': 'erase-at-once', onclick: () => { atOnce = true; hurry.hidden = true; } }, text.atOnce);
    result.replaceChildren(hurry);
    for (;;) {
      const answer = await superviseApi.erase(whom, atOnce);
      erased += answer.erased;
      if (answer.done) break;
      status.textContent = answer.ending ? text.ending(answer.ending) : text.erasing(erased);
      hurry.hidden = !answer.ending || atOnce;
      if (answer.ending) await new Promise((wake) => { setTimeout(wake, PAUSE_MS); });
    }
    result.replaceChildren();
    found = null;
    status.textContent = text.erased(erased);
    await list();
  }

  async function list() {
    const { erasures } = await superviseApi.erasures();
    const rows = erasures.map((one) => [
      dateAndTime(one.at), one.by.name, one.of_person ? text.ofPerson : text.ofConversation, String(one.items), one.fingerprint,
    ]);
    records.replaceChildren(rows.length
      ? table(text.records, [text.when, text.who, text.what, text.items, text.fingerprint], rows)
      : el('p', {}, text.noRecords));
  }

  return {
    root,
    show() {
      if (store.selected && !value.input.value) value.input.value = store.selected;
      list().catch((error) => { records.replaceChildren(el('p', {}, text.failed(error.message))); });
    },
    tick() {},
  };
}

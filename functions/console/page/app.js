// The console's page: puts its parts together.

import { createActions } from './actions.js';
import { createAlerts, isWatched, listenForTouch } from './alerts.js';
import { createCannedEditor } from './canned-edit.js';
import { createComposer } from './composer.js';
import { config } from './config.js';
import { byId } from './dom.js';
import { createDrafts } from './drafts.js';
import { createFailedView } from './failed.js';
import { createFilters } from './filters.js';
import { enter, inWords } from './gate.js';
import { createHeaderView } from './header.js';
import { decodeId, encodeId } from './ids.js';
import { listenToKeys } from './keys.js';
import { TABS, createListView } from './list.js';
import { createNotices } from './notices.js';
import { createOutbox } from './outbox.js';
import { createPersonView } from './person.js';
import { createPreferencesView, firstLanguage } from './preferences-view.js';
import * as session from './session.js';
import { Store } from './store.js';
import { addSupervision } from './supervise.js';
import { startSync } from './sync.js';
import { onLanguage, speak, text } from './text.js';
import { createThreadView } from './thread.js';
import { createUnread } from './unread.js';

// Where that table cannot be had, the page is in English.
if (!(await speak(firstLanguage()))) await speak('en');
await enter();

const store = new Store();
const drafts = createDrafts(store, session.subject);
drafts.restore();
const notices = createNotices(store);
const unread = createUnread(store);
const outbox = createOutbox(store, {
  accepted: refresh,
  refused(id, line) {
    store.tell(line.status === 409 ? text.refusedClosed : text.refused(line.error), id);
    sync.thread();
  },
});
const actions = createActions(store, {
  changed: refresh,
  failedChanged: () => sync.failed(),
  claimed(id) {
    if (store.selected === id) composer.focus();
  },
});

const drawFilters = createFilters(store, () => sync.list());
const drawList = createListView(store, unread, {
  tab: showTab,
  more() {
    store.list.list.pages += 1;
    sync.list();
  },
});
const drawFailed = createFailedView(store, { since: () => sync.failed(), replay: actions.replaySince });
const drawHeader = createHeaderView(store, actions);
const drawPerson = createPersonView(store);

const thread = createThreadView(store, {
  replay: (entry) => actions.replay(store.selected, entry),
  reuse(clientId) {
    const line = outbox.remove(store.selected, clientId);
    if (line) composer.takeBack(line.text, Boolean(line.note));
  },
  discard(clientId) {
    outbox.remove(store.selected, clientId);
  },
});

const composer = createComposer(store, (id, line, note) => {
  store.set(store, { alert: null });
  outbox.send(id, line, note);
  thread.render();
  thread.toEnd();
});

const sync = startSync(store, {
  entries: notices.announce,
  recovered() {
    outbox.wake();
    notices.recovered();
  },
  me() {
    outbox.restore();
    actions.canned();
  },
  listed: createAlerts(store),
  watched: isWatched,
});

createCannedEditor(store);
createPreferencesView();
listenForTouch();
listenToKeys({
  step(step) {
    const ids = store.shown.map((one) => one.conversation_id);
    const at = ids.indexOf(store.selected);
    const next = ids[at < 0 ? (step > 0 ? 0 : ids.length - 1) : at + step];
    if (next === undefined) return;
    location.hash = encodeId(next);
  },
  tab: (place) => showTab(TABS[place]),
  answer: () => write(false),
  note: () => write(true),
  leave,
});

/** What was just done is seen at once, not with the next look. */
function refresh() {
  sync.thread();
  sync.list();
}

/** @param {typeof TABS[number]} tab */
function showTab(tab) {
  store.set(store, { tab });
  if (tab === 'failed') sync.failed();
  else sync.list();
}

function write(note) {
  if (store.selected === null || byId('composer').hidden) return;
  composer.note(note);
  composer.focus();
}

/** Escape: out of a box into the conversation, from there back to the list. */
function leave() {
  const { activeElement } = document;
  if (activeElement === byId('answer')) byId('scroll').focus({ preventScroll: true });
  else if (byId('list-tools').contains(activeElement)) byId(`tab-${store.tab}`).focus();
  else if (store.selected !== null) location.hash = '';
}

function render() {
  const selected = store.selected !== null;
  byId('nothing-selected').hidden = selected;
  byId('thread-frame').hidden = !selected;
  // On a phone the list and the conversation are two screens.
  document.body.dataset.screen = selected ? 'thread' : 'list';
  unread.look();
  notices.render();
  drawFilters();
  drawList();
  drawFailed();
  drawHeader();
  drawPerson();
  composer.render();
  thread.render();
}

/** The address bar says which conversation is shown, so that reload and back do what they should. */
function follow() {
  const id = decodeId(location.hash.slice(1));
  if (id === store.selected) return;
  const before = store.selected;
  store.select(id);
  if (store.alert?.conversation === before) store.set(store, { alert: null });
  render();
  sync.thread();
  if (id !== null) actions.others(id);
  if (id === null) {
    // Back on the list: at the place the reader came from.
    document.querySelector(`#list [data-conversation-id="${CSS.escape(before)}"] a`)?.focus();
  } else if (matchMedia('(hover: hover) and (min-width: 700px)').matches && !followsByKey()) {
    composer.focus();
  } else {
    byId('who').focus();
  }
}

/** Who goes through the list by single keys stays outside of the box, where they count. */
function followsByKey() {
  return steppedAt !== null && Date.now() - steppedAt < 1000;
}
let steppedAt = null;
document.addEventListener('keydown', ({ key }) => {
  if (key === 'j' || key === 'k') steppedAt = Date.now();
}, { capture: true, passive: true });

store.subscribe(render);
onLanguage(() => store.changed());
window.addEventListener('hashchange', follow);
window.addEventListener('online', outbox.wake);
document.addEventListener('visibilitychange', () => store.changed());
window.addEventListener('pagehide', drafts.keep);
window.addEventListener('beforeunload', (event) => {
  // On the way to sign in again, lines are kept.
  if (outbox.hasUnsent() && !session.leaving()) event.preventDefault();
});

/** Goes to sign in again; lines and drafts are here again after it. */
async function signInAgain() {
  drafts.keep();
  try {
    await session.leave();
  } catch (error) {
    store.tell(inWords(error));
  }
}
byId('sign-in-again').addEventListener('click', signInAgain);
byId('sign-out').addEventListener('click', () => {
  if ((store.lines.size || store.drafts.size) && !confirm(text.signOutUnsent)) return;
  outbox.forget();
  store.drafts.clear();
  unread.forget();
  session.signOut();
});
session.beforeClearing(drafts.keep);

let touched = 0;
for (const event of ['keydown', 'input', 'pointerdown']) {
  document.addEventListener(event, () => { touched = Date.now(); }, { capture: true, passive: true });
}
/** Where a sign-in has ended and nobody is at work here, nobody is disturbed by signing in again. */
let gone = false;
function signInWhenIdle() {
  if (gone || store.connection !== 'signed-out' || session.problem()?.kind !== 'ended') return;
  if (Date.now() - touched < config.signInIdleMs || !byId('close-form').hidden || document.querySelector('dialog[open]')) return;
  // Once: where it fails, there is the button.
  gone = true;
  signInAgain();
}

setInterval(() => {
  signInWhenIdle();
  if (document.hidden) return;
  drawList();
  drawHeader();
}, config.tickMs);

addSupervision(store, document.querySelector('.top'));
render();
follow();

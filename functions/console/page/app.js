// The console's page: puts its parts together.

import { api } from './api.js';
import { createComposer } from './composer.js';
import { config } from './config.js';
import { byId } from './dom.js';
import { createDrafts } from './drafts.js';
import { createFailedView } from './failed.js';
import { enter, inWords } from './gate.js';
import { createHeaderView } from './header.js';
import { decodeId } from './ids.js';
import { createListView } from './list.js';
import { createNotices } from './notices.js';
import { createOutbox } from './outbox.js';
import * as session from './session.js';
import { Store } from './store.js';
import { addSupervision } from './supervise.js';
import { startSync } from './sync.js';
import { fillTexts, text } from './text.js';
import { createThreadView } from './thread.js';
import { now } from './time.js';

fillTexts(document);
await enter();

const store = new Store();
const drafts = createDrafts(store, session.subject);
drafts.restore();
const notices = createNotices(store);
const outbox = createOutbox(store, {
  accepted: () => {
    sync.thread();
    sync.list();
  },
  refused(id, line) {
    store.tell(line.status === 409 ? text.refusedClosed : text.refused(line.error), id);
    sync.thread();
  },
});

const drawList = createListView(store, {
  tab(tab) {
    store.set(store, { tab });
    if (tab === 'failed') sync.failed();
    else sync.list();
  },
  more() {
    store.lists[store.tab].pages += 1;
    sync.list();
  },
});

const drawFailed = createFailedView(store, {
  since: () => sync.failed(),
  async replay() {
    const { hours } = store.failed;
    store.set(store.failed, { busy: true });
    const since = Math.floor(now() - hours * 3_600_000);
    let [sent, left, cursor] = [0, 0, null];
    let result;
    try {
      do {
        const piece = await api.replaySince(since, cursor);
        sent += piece.replayed;
        left += piece.left;
        cursor = piece.cursor;
      } while (cursor !== null);
      result = text.sentAgain(sent, left);
    } catch (error) {
      // What was sent again until then stays so; pressing once more goes on.
      result = text.replayFailed(error.message);
    }
    store.set(store.failed, { busy: false, result });
    sync.failed();
    refresh();
  },
});

const drawHeader = createHeaderView(store, {
  async replayAll(id) {
    try {
      const { entries, left } = await api.replayConversation(id);
      store.putEntries(id, entries);
      if (left) store.tell(text.replayLeft(left), id);
    } catch (error) {
      store.tell(text.replayFailed(error.message), id);
    }
    sync.failed();
    refresh();
  },
  async claim(id) {
    try {
      store.putConversation((await api.claim(id)).conversation);
      // The button goes away, and answering comes next.
      if (store.selected === id) composer.focus();
    } catch (error) {
      store.tell(text.claimFailed(error.message), id);
    }
    refresh();
  },
  async close(id, reason) {
    let closed = false;
    try {
      store.putConversation((await api.close(id, reason)).conversation);
      closed = true;
    } catch (error) {
      store.tell(text.closeFailed(error.message), id);
    }
    refresh();
    return closed;
  },
});

const thread = createThreadView(store, {
  async replay(entry) {
    const id = store.selected;
    const { replaying } = store.thread(id);
    if (replaying.has(entry)) return;
    replaying.add(entry);
    store.changed();
    try {
      store.putEntries(id, [(await api.replay(id, entry)).entry]);
    } catch (error) {
      store.tell(text.replayFailed(error.message), id);
    }
    replaying.delete(entry);
    store.changed();
    refresh();
  },
  reuse(clientId) {
    const line = outbox.remove(store.selected, clientId);
    if (line) composer.takeBack(line.text);
  },
  discard(clientId) {
    outbox.remove(store.selected, clientId);
  },
});

const composer = createComposer(store, (id, line) => {
  store.set(store, { alert: null });
  outbox.send(id, line);
  thread.render();
  thread.toEnd();
});

const sync = startSync(store, {
  entries: notices.announce,
  recovered: outbox.wake,
  me: outbox.restore,
});

/** What was just done is seen at once, not with the next look. */
function refresh() {
  sync.thread();
  sync.list();
}

function render() {
  const selected = store.selected !== null;
  byId('nothing-selected').hidden = selected;
  byId('thread-frame').hidden = !selected;
  // On a phone the list and the conversation are two screens.
  document.body.dataset.screen = selected ? 'thread' : 'list';
  notices.render();
  drawList();
  drawFailed();
  drawHeader();
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
  if (id === null) {
    // Back on the list: at the place the reader came from.
    document.querySelector(`#list [data-conversation-id="${CSS.escape(before)}"] a`)?.focus();
  } else if (matchMedia('(hover: hover) and (min-width: 700px)').matches) {
    composer.focus();
  } else {
    byId('who').focus();
  }
}

store.subscribe(render);
window.addEventListener('hashchange', follow);
window.addEventListener('online', outbox.wake);
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
  if (Date.now() - touched < config.signInIdleMs || !byId('close-form').hidden) return;
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

// The head of the selected conversation: who it is, its state, and who has it.

import { createAssign } from './assign.js';
import { byId, setAttribute, setText } from './dom.js';
import { canBeSentAgain } from './failed.js';
import { shortId, statusText, whoIs } from './people.js';
import { text } from './text.js';
import { now, span } from './time.js';

/**
 * @param {import('./store.js').Store} store
 * @param {object} on all give a promise that is settled when the call is done
 * @param {(id: string) => Promise<void>} on.replayAll
 * @param {(id: string, from?: string) => Promise<void>} on.claim
 * @param {(id: string) => Promise<void>} on.release
 * @param {() => Promise<void>} on.colleagues brings up to date who is there
 * @param {(id: string, to: string) => Promise<boolean>} on.assign whether the colleague has it
 * @param {(id: string, reason: string) => Promise<boolean>} on.close whether it is closed
 * @returns {() => void} draws what the store has; also to be called each second
 */
export function createHeaderView(store, on) {
  const claim = byId('claim');
  const takeOver = byId('take-over');
  const release = byId('release');
  const assign = byId('assign');
  const close = byId('close');
  const replayAll = byId('replay-all');
  const form = byId('close-form');
  const reason = byId('close-reason');
  const buttons = [replayAll, claim, takeOver, assign, release, close, byId('close-confirm')];
  /** Conversations with a call under way. */
  const busy = new Set();
  let shown = null;

  const ask = (open) => {
    form.hidden = !open;
    close.setAttribute('aria-expanded', String(open));
    if (!open) reason.value = '';
  };
  const withBusy = async (work) => {
    const id = store.selected;
    if (id === null || busy.has(id)) return;
    // A button that goes away must not take the keyboard with it.
    const pressed = document.activeElement;
    busy.add(id);
    render();
    try {
      await work(id);
    } finally {
      busy.delete(id);
      render();
      const lost = document.activeElement === document.body || document.activeElement === null;
      if (lost && store.selected === id) (pressed?.isConnected && !pressed.hidden ? pressed : byId('who')).focus();
    }
  };
  const drawAssign = createAssign(store, {
    colleagues: on.colleagues,
    assign: (to) => withBusy((id) => on.assign(id, to)),
  });

  claim.addEventListener('click', () => withBusy((id) => on.claim(id)));
  takeOver.addEventListener('click', () => withBusy((id) => on.claim(id, store.conversations.get(id)?.agent?.id)));
  release.addEventListener('click', () => withBusy(on.release));
  replayAll.addEventListener('click', () => withBusy(on.replayAll));
  close.addEventListener('click', () => {
    ask(form.hidden);
    if (!form.hidden) byId('close-confirm').focus();
  });
  byId('close-cancel').addEventListener('click', () => {
    ask(false);
    close.focus();
  });
  form.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || event.isComposing) return;
    event.stopPropagation();
    ask(false);
    close.focus();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    withBusy(async (id) => {
      if ((await on.close(id, reason.value.trim())) && store.selected === id) {
        ask(false);
        byId('who').focus();
      }
    });
  });

  function render() {
    const id = store.selected;
    if (id !== shown) ask(false);
    shown = id;
    drawAssign();
    if (id === null) return;
    const conversation = store.conversations.get(id);
    const status = conversation?.status ?? '';
    const agent = conversation?.agent;
    const open = status === 'waiting' || status === 'connected';

    setText(byId('who'), conversation ? whoIs(conversation) : shortId(id));
    setText(byId('status'), conversation ? statusText(conversation) : '');
    setAttribute(byId('status'), 'data-status', status);
    setText(byId('thread-since'), status === 'waiting' ? text.waitingFor(span(now() - conversation.opened_at)) : '');
    const mine = agent && agent.id === store.me?.id;
    const withAgent = status === 'closed' ? text.wasWithAgent : text.withAgent;
    setText(byId('thread-agent'), agent && status !== 'waiting' ? withAgent(mine ? text.you.toLowerCase() : agent.name || text.agent) : '');

    claim.hidden = !open || Boolean(agent);
    takeOver.hidden = !open || !agent || mine || !store.me;
    setText(takeOver, agent ? text.takeOver(agent.name || text.agent) : '');
    release.hidden = !open || !mine;
    assign.hidden = !open || Boolean(agent && !mine);
    close.hidden = !open;
    if (!open && !form.hidden) ask(false);
    replayAll.hidden = ![...store.thread(id).entries.values()].some((entry) => canBeSentAgain(entry, conversation));
    for (const button of buttons) button.disabled = busy.has(id);
  }

  return render;
}

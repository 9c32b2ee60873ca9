// The head of the selected conversation: who it is, its state, taking over and closing.

import { byId, el, setAttribute, setText } from './dom.js';
import { canBeSentAgain } from './failed.js';
import { shortId, statusText, whoIs } from './people.js';
import { text } from './text.js';
import { dateAndTime, now, span } from './time.js';

/**
 * @param {import('./store.js').Store} store
 * @param {object} on all give a promise that is settled when the call is done
 * @param {(id: string) => Promise<void>} on.replayAll
 * @param {(id: string) => Promise<void>} on.claim
 * @param {(id: string, reason: string) => Promise<boolean>} on.close whether it is closed
 * @returns {() => void} draws what the store has; also to be called each second
 */
export function createHeaderView(store, on) {
  const claim = byId('claim');
  const close = byId('close');
  const replayAll = byId('replay-all');
  const form = byId('close-form');
  const reason = byId('close-reason');
  /** Conversations with a call under way. */
  const busy = new Set();
  let shown = null;
  let factsShown = null;

  const ask = (open) => {
    form.hidden = !open;
    close.setAttribute('aria-expanded', String(open));
    if (!open) reason.value = '';
  };
  const withBusy = async (work) => {
    const id = store.selected;
    if (id === null || busy.has(id)) return;
    busy.add(id);
    render();
    try {
      await work(id);
    } finally {
      busy.delete(id);
      render();
    }
  };

  claim.addEventListener('click', () => withBusy(on.claim));
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
    close.hidden = !open;
    if (!open && !form.hidden) ask(false);
    replayAll.hidden = ![...store.thread(id).entries.values()].some((entry) => canBeSentAgain(entry, conversation));
    for (const button of [replayAll, claim, close, byId('close-confirm')]) button.disabled = busy.has(id);
    drawFacts(conversation);
  }

  function drawFacts(conversation) {
    const facts = conversation ? factsOf(conversation) : [];
    const state = JSON.stringify(facts);
    if (state === factsShown) return;
    factsShown = state;
    byId('facts').parentElement.hidden = !facts.length;
    byId('facts').replaceChildren(...facts.map(([name, value]) => el('div', {}, el('dt', {}, text.facts[name]), el('dd', { dir: 'auto' }, String(value)))));
  }

  return render;
}

/** What is known of the user and the conversation, as name and value. */
function factsOf(conversation) {
  const { user = {}, desk, episode } = conversation;
  const time = (at) => (at ? dateAndTime(at) : null);
  return [
    ['name', user?.name],
    ['email', user?.placeholder_email ? text.facts.placeholderEmail : user?.email],
    ['phone', user?.phone],
    ['user_id', user?.user_id],
    ['anonymous_id', user?.anonymous_id],
    ['channel', user?.channel],
    ['conversation_type', user?.conversation_type],
    ['bot', conversation.bot_id],
    ['desk', desk],
    ['opened', time(conversation.opened_at)],
    ['connected', time(conversation.connected_at)],
    ['closed', time(conversation.closed_at)],
    ['reason', conversation.close_reason],
    ['episode', episode > 1 ? episode : null],
    ['id', conversation.conversation_id],
  ].filter(([, value]) => value != null && value !== '');
}

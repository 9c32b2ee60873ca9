// The user's panel: who it is, where from, and what else they have asked for.

import { byId, el, keyedChildren, setAttribute, setText } from './dom.js';
import { encodeId } from './ids.js';
import { statusText } from './people.js';
import { preferences, prefer } from './preferences.js';
import { known, onLanguage, text } from './text.js';
import { dateAndTime, shortTime } from './time.js';

/**
 * @param {import('./store.js').Store} store
 * @returns {() => void} draws what the store has
 */
export function createPersonView(store) {
  const panel = byId('person');
  let factsShown = null;
  const draw = keyedChildren(byId('earlier'), {
    create: () => el('li', {}, el('a', { 'data-test': 'earlier' }, el('span', { class: 'when' }), el('span', { class: 'status' }), el('span', { class: 'last', dir: 'auto' }))),
    update(node, { conversation_id: id, opened_at: at, status, last, ...rest }) {
      const part = (name) => node.querySelector(name);
      setAttribute(part('a'), 'href', `#${encodeId(id)}`);
      setText(part('.when'), shortTime(at));
      setAttribute(part('.when'), 'title', dateAndTime(at));
      setText(part('.status'), statusText({ status, ...rest }));
      setAttribute(part('.status'), 'data-status', status);
      setText(part('.last'), last?.text ?? '');
    },
  });
  onLanguage(() => {
    factsShown = null;
    draw.clear();
  });
  // On a narrow window, or one whose text is large, it would stand before the conversation.
  const wide = matchMedia('(min-width: 1180px)');
  const fit = () => {
    panel.open = preferences.details && wide.matches;
  };
  fit();
  wide.addEventListener('change', fit);
  byId('person-title').addEventListener('click', () => {
    if (wide.matches) prefer({ details: !panel.open });
  });

  return () => {
    const id = store.selected;
    const conversation = id === null ? undefined : store.conversations.get(id);
    panel.hidden = !conversation;
    if (!conversation) return;
    const facts = factsOf(conversation);
    const state = JSON.stringify(facts);
    if (state !== factsShown) {
      factsShown = state;
      byId('facts').replaceChildren(...facts.map(([name, value]) => el('div', {}, el('dt', {}, text.facts[name]), el('dd', { dir: 'auto' }, String(value)))));
    }
    const { others } = store.thread(id);
    // What is known of them by now may be newer.
    draw((others ?? []).map((one) => ({ key: one.conversation_id, item: store.conversations.get(one.conversation_id) ?? one })));
    setText(byId('earlier-note'), others === null ? text.loading : others.length ? '' : text.noEarlier);
  };
}

/** What is known of the user and the conversation, as name and value. */
function factsOf(conversation) {
  const { user = {}, desk, episode, agent } = conversation;
  const time = (at) => (at ? dateAndTime(at) : null);
  return [
    ['name', user?.name],
    ['email', user?.placeholder_email ? text.facts.placeholderEmail : user?.email],
    ['phone', user?.phone],
    ['user_id', user?.user_id],
    ['anonymous_id', user?.anonymous_id],
    ['language', user?.language],
    ['channel', user?.channel],
    ['conversation_type', user?.conversation_type],
    ['bot', conversation.bot_id],
    ['desk', desk],
    ['agent', agent?.name],
    ['opened', time(conversation.opened_at)],
    ['connected', time(conversation.connected_at)],
    ['closed', time(conversation.closed_at)],
    ['reason', known(text.reasons, conversation.close_reason) ?? conversation.close_reason],
    ['episode', episode > 1 ? episode : null],
    ['id', conversation.conversation_id],
  ].filter(([, value]) => value != null && value !== '');
}

// What the page has to say about itself: lost connection, refusals, and new messages for those
// who hear the page.

import { config } from './config.js';
import { byId, setAttribute, setText } from './dom.js';
import { inWords } from './gate.js';
import { SignInError } from './oidc.js';
import { whoIs } from './people.js';
import * as session from './session.js';
import { text } from './text.js';

/**
 * @param {import('./store.js').Store} store
 * @returns {{render: () => void, recovered: () => void, announce: (id: string, entries: import('./api.js').Entry[]) => void}}
 */
export function createNotices(store) {
  let backUntil = 0;
  byId('alert-dismiss').addEventListener('click', () => store.set(store, { alert: null }));
  const banner = () => {
    if (store.connection === 'ok') return Date.now() < backUntil ? text.connectionBack : '';
    if (store.connection === 'lost') return text.connectionLost;
    return session.exists() ? inWords(session.problem() ?? new SignInError('ended')) : text.signIn.none;
  };
  const name = (id) => {
    const conversation = store.conversations.get(id);
    return conversation ? whoIs(conversation) : text.user;
  };

  return {
    render() {
      setText(byId('me'), store.me ? text.signedIn(store.me.name) : '');
      byId('sign-out').hidden = !session.exists();
      setText(byId('banner'), banner());
      setAttribute(byId('banner').parentElement, 'data-state', store.connection);
      byId('sign-in-again').hidden = !(store.connection === 'signed-out' && session.exists());
      const { alert } = store;
      const elsewhere = alert && alert.conversation !== null && alert.conversation !== store.selected;
      setText(byId('alert'), !alert ? '' : elsewhere ? text.alertIn(name(alert.conversation), alert.message) : alert.message);
    },

    /** The connection is back: that is said for a moment. */
    recovered() {
      backUntil = Date.now() + config.backSaidMs;
      setTimeout(() => store.changed(), config.backSaidMs + 50);
      store.changed();
    },

    announce(id, entries) {
      const lines = entries.filter(({ author, kind, text: line }) => author === 'user' && kind === 'message' && line);
      if (!lines.length) return;
      byId('announce').textContent = lines.map((entry) => text.newMessageFrom(name(id), entry.text)).join('\n');
    },
  };
}

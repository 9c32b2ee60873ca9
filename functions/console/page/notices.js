// What the page has to say about itself: lost connection, refusals, and new messages for those
// who hear the page.

import { byId, setText } from './dom.js';
import { whoIs } from './people.js';
import { text } from './text.js';

/**
 * @param {import('./store.js').Store} store
 * @returns {{render: () => void, announce: (id: string, entries: import('./api.js').Entry[]) => void}}
 */
export function createNotices(store) {
  byId('alert-dismiss').addEventListener('click', () => store.set(store, { alert: null }));
  const banners = { ok: '', lost: text.connectionLost, 'signed-out': text.signedOut };
  const name = (id) => {
    const conversation = store.conversations.get(id);
    return conversation ? whoIs(conversation) : text.user;
  };

  return {
    render() {
      setText(byId('me'), store.me ? text.signedIn(store.me.name) : '');
      setText(byId('banner'), banners[store.connection]);
      const { alert } = store;
      const elsewhere = alert && alert.conversation !== null && alert.conversation !== store.selected;
      setText(byId('alert'), !alert ? '' : elsewhere ? text.alertIn(name(alert.conversation), alert.message) : alert.message);
    },

    announce(id, entries) {
      const lines = entries.filter(({ author, kind, text: line }) => author === 'user' && kind === 'message' && line);
      if (!lines.length) return;
      byId('announce').textContent = lines.map((entry) => text.newMessageFrom(name(id), entry.text)).join('\n');
    },
  };
}

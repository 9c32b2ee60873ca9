// What only supervisors see: a button in the page's head. Whoever is no supervisor loads no more of it
// than this.

import { el } from './dom.js';

/** The group of supervisors, as the console's function knows it. */
const GROUP = 'supervisors';

/**
 * Puts the button into the head once it is known that a supervisor is signed in.
 * @param {import('./store.js').Store} store
 * @param {Element} head
 */
export function addSupervision(store, head) {
  let asked = false;
  const look = async () => {
    if (asked || !store.me?.groups?.includes(GROUP)) return;
    asked = true;
    try {
      const { open, title } = await import('./supervise-dialog.js');
      head.append(el('button', { type: 'button', class: 'small quiet', 'data-test': 'supervise', onclick: () => open(store) }, title()));
    } catch {
      // The connection: asked for again with the next change.
      asked = false;
    }
  };
  store.subscribe(look);
  look();
}

// What only supervisors see: a button in the page's head. Whoever is no supervisor loads no more of it
// than this.

import { el } from './dom.js';
import { onLanguage, text } from './text.js';

/** The group of supervisors, as the console's function knows it. */
const GROUP = 'supervisors';

/**
 * Puts the button into the head once it is known that a supervisor is signed in.
 * @param {import('./store.js').Store} store
 * @param {Element} head
 */
export function addSupervision(store, head) {
  let asked = false;
  let failed = 0;
  const older = () => store.tell(text.older);
  const look = async () => {
    if (asked || !store.me?.groups?.includes(GROUP)) return;
    asked = true;
    try {
      const { open, title } = await import('./supervise-dialog.js');
      const button = el('button', { type: 'button', class: 'small quiet', 'data-test': 'supervise', onclick: () => open(store).catch(older) });
      const name = () => { button.textContent = title(); };
      onLanguage(name);
      name();
      head.append(button);
    } catch {
      // The connection, it may be: asked for again with the next change.
      asked = false;
      // Again, although the server answers.
      if (store.connection === 'ok' && (failed += 1) === 2) older();
    }
  };
  store.subscribe(look);
  look();
}

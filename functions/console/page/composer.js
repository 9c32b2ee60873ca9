// The answer box. What is written in it stays with its conversation until it is sent.

import { byId, setText } from './dom.js';
import { text } from './text.js';

/**
 * @param {import('./store.js').Store} store
 * @param {(id: string, line: string) => void} send
 */
export function createComposer(store, send) {
  const form = byId('composer');
  const box = byId('answer');
  let shown = null;

  const fit = () => {
    box.style.height = 'auto';
    // The border is not part of scrollHeight; the style sheet sets the least and the most.
    box.style.height = `${box.scrollHeight + box.offsetHeight - box.clientHeight}px`;
  };
  const keep = () => {
    if (shown === null) return;
    if (box.value) store.drafts.set(shown, box.value);
    else store.drafts.delete(shown);
  };
  const fill = (value) => {
    box.value = value;
    keep();
    fit();
  };

  box.addEventListener('input', () => {
    keep();
    fit();
  });
  box.addEventListener('keydown', (event) => {
    // 229: in Safari the Enter that ends a composition comes after its end.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const line = box.value.trim();
    if (!line || shown === null) return;
    fill('');
    box.focus();
    send(shown, line);
  });

  return {
    /** Draws what the store has. */
    render() {
      const id = store.selected;
      if (id !== shown) {
        keep();
        shown = id;
        fill(id === null ? '' : store.drafts.get(id) ?? '');
      }
      if (id === null) return;
      const conversation = store.conversations.get(id);
      const agent = conversation?.agent;
      const other = conversation?.status === 'connected' && agent && store.me && agent.id !== store.me.id;
      // Closed conversations take no lines, but the box stays: what is written in it can still be
      // copied, and the user may come back into this very conversation.
      setText(byId('composer-note'), conversation?.status === 'closed' ? text.composerClosed : other ? text.composerOther(agent.name || text.agent) : '');
      form.hidden = store.thread(id).missing;
    },

    /** Puts a text before what is in the box. @param {string} line */
    takeBack(line) {
      fill(box.value ? `${line}\n${box.value}` : line);
      box.focus();
    },

    focus: () => box.focus({ preventScroll: true }),
  };
}

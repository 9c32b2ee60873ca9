// The answer box, for answers and private notes. What is written in it stays with its conversation
// until it is sent.

import { createPicker, unfilled } from './canned.js';
import { byId, setAttribute, setText } from './dom.js';
import { text } from './text.js';

/**
 * @param {import('./store.js').Store} store
 * @param {(id: string, line: string, note: boolean) => void} send
 */
export function createComposer(store, send) {
  const form = byId('composer');
  const box = byId('answer');
  const noteButton = byId('note');
  let shown = null;
  /** The text with a placeholder in it whose writer has been warned. */
  let warned = null;

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
  const isNote = () => shown !== null && store.noting.has(shown);
  const picker = createPicker(store, box, () => {
    keep();
    fit();
  });

  box.addEventListener('input', () => {
    warned = null;
    keep();
    fit();
    picker.look();
    render();
  });
  box.addEventListener('keydown', (event) => {
    if (picker.key(event)) return;
    // 229: in Safari the Enter that ends a composition comes after its end.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const line = box.value.trim();
    if (!line || shown === null) return;
    const left = !isNote() && unfilled(box.value);
    if (left && warned !== line) {
      // Once: whoever means it presses again.
      warned = line;
      box.focus();
      box.setSelectionRange(left.at, left.at + left.what.length);
      render();
      return;
    }
    const note = isNote();
    fill('');
    box.focus();
    // A note is the exception, each time.
    setNote(shown, false);
    send(shown, line, note);
  });
  noteButton.addEventListener('click', () => {
    setNote(shown, !isNote());
    box.focus();
  });

  /** @param {string | null} id @param {boolean} on */
  function setNote(id, on) {
    if (id === null || store.noting.has(id) === on) return;
    if (on) store.noting.add(id);
    else store.noting.delete(id);
    warned = null;
    store.changed();
  }

  /** Draws what the store has. */
  function render() {
    const id = store.selected;
    if (id !== shown) {
      keep();
      shown = id;
      warned = null;
      picker.close();
      fill(id === null ? '' : store.drafts.get(id) ?? '');
    }
    if (id === null) return;
    const conversation = store.conversations.get(id);
    const agent = conversation?.agent;
    const other = conversation?.status === 'connected' && agent && store.me && agent.id !== store.me.id;
    const note = isNote();
    form.classList.toggle('note', note);
    setAttribute(noteButton, 'aria-pressed', String(note));
    setText(byId('answer-label'), note ? text.noteLabel : text.answerLabel);
    setAttribute(box, 'placeholder', note ? text.noteHint : text.answerHint);
    setText(byId('send'), note ? text.sendNote : text.send);
    setText(byId('answer-help'), note ? text.noteHelp : text.answerHelp);
    // Closed conversations take no lines, but the box stays: what is written in it can still be
    // copied, a note can be added, and the user may come back into this very conversation.
    const left = warned !== null && unfilled(box.value);
    const state = conversation?.status === 'closed' ? text.composerClosed : other ? text.composerOther(agent.name || text.agent) : '';
    setText(byId('composer-note'), left ? text.placeholderLeft(left.what) : note ? text.noteHelp : state);
    form.hidden = store.thread(id).missing;
  }

  return {
    render,

    /** Puts a text before what is in the box. @param {string} line @param {boolean} note */
    takeBack(line, note) {
      setNote(shown, note);
      fill(box.value ? `${line}\n${box.value}` : line);
      box.focus();
    },

    /** @param {boolean} on whether a private note is to be written */
    note: (on) => setNote(shown, on),
    focus: () => box.focus({ preventScroll: true }),
  };
}

// What stands in the place of the page while nobody is signed in.

import { byId, setText } from './dom.js';
import { SignInError } from './oidc.js';
import * as session from './session.js';
import { text } from './text.js';

/**
 * What keeps an agent from being signed in, in words.
 * @param {SignInError} error
 * @returns {string}
 */
export function inWords({ kind, detail }) {
  const words = text.signIn[kind];
  return typeof words === 'function' ? words(detail) : words;
}

/** Lets nobody in who is not signed in. Settles when the page can begin. */
export async function enter() {
  const button = byId('gate-button');
  let attempt = session.start;
  // The console answers quickly; who has to wait for longer is told what for.
  const patience = setTimeout(() => show(text.signIn.working, false), 300);
  for (;;) {
    try {
      await attempt();
      clearTimeout(patience);
      hide();
      return;
    } catch (error) {
      clearTimeout(patience);
      if (!(error instanceof SignInError)) throw error;
      show(inWords(error), true);
      setText(button, error.kind === 'signedOut' ? text.signIn.button : text.signIn.again);
      await new Promise((resolve) => button.addEventListener('click', resolve, { once: true }));
      show(text.signIn.working, false);
      // The answer that came with the page is used up.
      attempt = session.leave;
    }
  }
}

function show(words, button) {
  byId('panes').hidden = true;
  byId('gate').hidden = false;
  byId('gate-button').hidden = !button;
  setText(byId('gate-text'), words);
  if (button) byId('gate-button').focus();
}

function hide() {
  byId('gate').hidden = true;
  byId('panes').hidden = false;
}

// The dialog of the agent's preferences, and the one question about notifications.

import { permission, sound } from './alerts.js';
import { byId, el, setAttribute } from './dom.js';
import { preferences, prefer } from './preferences.js';
import { languages, onLanguage, speak, suitable, text } from './text.js';

/** The language to begin with. */
export const firstLanguage = () => (preferences.language in languages ? preferences.language : suitable(navigator.languages));

export function createPreferencesView() {
  const dialog = byId('preferences-dialog');
  const language = byId('preference-language');
  const notify = byId('preference-notify');
  const hint = byId('notify-hint');
  const switches = { sound: byId('preference-sound'), keys: byId('preference-keys') };

  for (const [code, name] of Object.entries(languages)) language.append(el('option', { value: code, lang: code }, name));
  language.addEventListener('change', async () => {
    if (await speak(language.value)) prefer({ language: language.value });
    else language.value = document.documentElement.lang;
  });
  for (const [name, input] of Object.entries(switches)) {
    input.addEventListener('change', () => {
      prefer({ [name]: input.checked });
      if (name === 'sound') sound();
    });
  }

  async function ask(wanted) {
    prefer({ notify: wanted });
    // Only now, after a click that says so: a browser that is asked out of the blue learns to say no.
    if (wanted && permission() === 'default') await Notification.requestPermission();
    draw();
  }
  notify.addEventListener('change', () => ask(notify.checked));
  byId('notify-yes').addEventListener('click', () => ask(true));
  byId('notify-no').addEventListener('click', () => ask(false));

  function draw() {
    const may = permission();
    language.value = document.documentElement.lang;
    for (const [name, input] of Object.entries(switches)) input.checked = preferences[name];
    notify.checked = Boolean(preferences.notify) && may === 'granted';
    notify.disabled = may === 'none' || may === 'denied';
    byId('notify-denied').textContent = may === 'denied' ? text.notifyDenied : '';
    hint.hidden = preferences.notify !== null || may !== 'default';
  }
  const open = (on) => {
    draw();
    if (on) dialog.showModal();
    setAttribute(byId('preferences-open'), 'aria-expanded', String(dialog.open));
  };
  byId('preferences-open').addEventListener('click', () => open(true));
  byId('preferences-close').addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => open(false));
  onLanguage(draw);
  draw();
}

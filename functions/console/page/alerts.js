// Telling the agent of what came: a sound, a desktop notification. Says who, never what was
// written: notifications are shown on locked screens, too.

import { encodeId } from './ids.js';
import { whoIs } from './people.js';
import { preferences } from './preferences.js';
import { text } from './text.js';

/** @typedef {import('./api.js').Conversation} Conversation */

/** Two short notes, as frequency in Hz and beginning in seconds. */
const NOTES = [[660, 0], [880, 0.13]];

/** @type {AudioContext | null} */
let audio = null;

/** A sound, made here; nothing where the browser does not let pages be heard yet. */
export function sound() {
  if (!preferences.sound || audio?.state !== 'running') return;
  for (const [frequency, begins] of NOTES) {
    const at = audio.currentTime + begins;
    const note = audio.createOscillator();
    const volume = audio.createGain();
    note.frequency.value = frequency;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.12, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, at + 0.25);
    note.connect(volume).connect(audio.destination);
    note.start(at);
    note.stop(at + 0.26);
  }
}

/** Browsers let a page be heard after somebody has done something on it. */
export function listenForTouch() {
  const begin = () => {
    try {
      audio ??= new AudioContext();
      if (audio.state === 'suspended') audio.resume().catch(() => {});
    } catch {
      // No sound on this machine.
    }
  };
  for (const event of ['pointerdown', 'keydown']) document.addEventListener(event, begin, { once: true, capture: true, passive: true });
}

/** Whether this browser has notifications, and what the agent said to them. @returns {'none' | 'default' | 'granted' | 'denied'} */
export const permission = () => ('Notification' in window ? Notification.permission : 'none');

/** Whether the agent is to be told although the page is not in view. */
export const isWatched = () => preferences.sound || (Boolean(preferences.notify) && permission() === 'granted');

function notify(title, id) {
  if (!preferences.notify || permission() !== 'granted' || !document.hidden) return;
  try {
    const notification = new Notification(title, { tag: id, icon: new URL('icon.svg', import.meta.url).href, silent: true });
    notification.addEventListener('click', () => {
      window.focus();
      location.hash = encodeId(id);
      notification.close();
    });
  } catch {
    // On a phone only a service worker may; there is the sound.
  }
}

/**
 * What in the lists is news for an agent: who has come into the queue, who wrote in a conversation
 * that is theirs or nobody's, what was handed to them.
 * @param {Map<string, Conversation>} before @param {Conversation[]} open as they are now @param {string | undefined} me
 * @returns {{kind: 'waiting' | 'message' | 'handed', conversation: Conversation}[]}
 */
export function newsIn(before, open, me) {
  const news = [];
  for (const conversation of open) {
    const { conversation_id: id, status, agent, last, episode } = conversation;
    const known = before.get(id);
    const mine = me !== undefined && agent?.id === me;
    const fresh = last?.author === 'user' && last.at > (known?.last?.at ?? 0);
    if (status === 'waiting' && !agent && (!known || known.status === 'closed' || known.episode !== episode)) news.push({ kind: 'waiting', conversation });
    else if (mine && known?.agent?.id !== me) news.push({ kind: 'handed', conversation });
    else if (fresh && status === 'connected' && (mine || !agent)) news.push({ kind: 'message', conversation });
  }
  return news;
}

/**
 * @param {import('./store.js').Store} store
 * @returns {() => void} to be called when the open conversations have come
 */
export function createAlerts(store) {
  /** @type {Map<string, Conversation> | null} as they were at the last look */
  let before = null;
  return () => {
    const open = store.lists.open.ids.map((id) => store.conversations.get(id)).filter(Boolean);
    // What was there when the page came is no news, nor are further pages of a list.
    const news = before ? newsIn(before, open, store.me?.id) : [];
    const known = new Map(before);
    for (const conversation of open) known.set(conversation.conversation_id, conversation);
    before = known;
    // What one has before one's eyes needs no bell.
    const told = news.filter(({ conversation: { conversation_id: id } }) => document.hidden || id !== store.selected);
    if (told.length) sound();
    const words = { waiting: text.notifyWaiting, message: text.notifyMessage, handed: text.notifyHanded };
    for (const { kind, conversation } of told) notify(words[kind](whoIs(conversation)), conversation.conversation_id);
  };
}

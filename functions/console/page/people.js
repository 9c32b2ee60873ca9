// How people and states are called.

import { text } from './text.js';

/** @typedef {import('./api.js').Conversation} Conversation */

/**
 * The user of a conversation by the best name there is.
 * @param {Conversation} conversation
 * @returns {string}
 */
export function whoIs({ user, conversation_id: id }) {
  const email = user?.placeholder_email ? null : user?.email;
  const best = [user?.name, email, user?.phone, user?.user_id].find((value) => value?.trim());
  return best ?? shortId(id);
}

/** @param {string} id @returns {string} */
export const shortId = (id) => (id.length > 14 ? `${id.slice(0, 6)}…${id.slice(-6)}` : id);

/** @param {Conversation} conversation @returns {string} */
export function statusText({ status, closed_by: by }) {
  if (status === 'closed') return text.closedBy[by] ?? text.closed;
  return text[status] ?? status;
}

/**
 * Whether the next word is an agent's.
 * @param {Conversation} conversation
 * @returns {boolean}
 */
export const needsAnswer = ({ status, last }) => status === 'waiting' || (status === 'connected' && last?.author === 'user');

/**
 * Since when the user waits for an answer; null where the next word is theirs.
 * @param {Conversation} conversation
 * @returns {number | null}
 */
export function waitsSince({ status, last, opened_at: opened }) {
  if (status === 'waiting') return opened;
  return status === 'connected' && last?.author === 'user' ? last.at : null;
}

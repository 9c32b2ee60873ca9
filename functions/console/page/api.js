// The console's API. One function per call; every failure is an ApiError that tells what to do.

import { config } from './config.js';
import { inWords } from './gate.js';
import { encodeId } from './ids.js';
import { SignInError } from './oidc.js';
import * as session from './session.js';
import { text } from './text.js';
import { learnClock } from './time.js';

/**
 * @typedef {object} User
 * @property {string} [name] @property {string} [email] @property {boolean} [placeholder_email]
 * @property {string} [phone] @property {string} [user_id] @property {string} [anonymous_id]
 * @property {string} [channel] @property {string} [conversation_type]
 *
 * @typedef {object} Conversation
 * @property {string} conversation_id @property {string} bot_id @property {string} desk
 * @property {'waiting' | 'connected' | 'closed'} status
 * @property {User} [user] @property {number} opened_at @property {number} [connected_at]
 * @property {number} [closed_at] @property {'user' | 'timeout' | 'agent' | 'bridge'} [closed_by]
 * @property {string} [close_reason] @property {{id: string, name: string}} [agent]
 * @property {{author: string, text: string, at: number}} [last] @property {number} [episode]
 *
 * @typedef {object} Entry
 * @property {string} id @property {'opening' | 'message' | 'notice' | 'note' | 'closing'} kind
 * @property {'user' | 'agent' | 'system'} author @property {string} [author_name]
 * @property {string} text @property {'desk' | 'user' | null} to
 * @property {'pending' | 'sending' | 'retrying' | 'delivered' | 'failed'} delivery
 * @property {number} at @property {number} [sent_at] @property {number} [attempts]
 * @property {number} [next_at] @property {string} [error] @property {boolean} [late]
 * @property {string} [client_id]
 *
 * @typedef {{conversation_id: string, failed_at: number, entry: Entry}} FailedLine
 *
 * @typedef {object} Query what a list is to have
 * @property {'open' | 'closed'} status @property {string} [q] words to look for
 * @property {string} [bot] @property {string} [desk] @property {number} [waiting] seconds, at least
 * @property {'me' | 'none'} [agent] who has it
 *
 * @typedef {object} ListPage
 * @property {Conversation[]} [conversations] @property {string | null} [cursor]
 * @property {string} tag @property {boolean} [unchanged] whether the answer with this tag still holds
 * @property {number} [searched] how many conversations were looked through
 *
 * @typedef {{id: string, name: string, supervisor: boolean}} Me
 * @typedef {{id: string, name: string, seen_at: number}} Colleague
 * @typedef {{shortcut: string, text: string}} CannedReply
 *
 * @typedef {{author: string, text: string, type?: string, files?: {url: string, content_type?: string}[]}} Turn
 */

/** A call that did not work. */
export class ApiError extends Error {
  /**
   * @param {number} status the HTTP status; 0 where no answer came
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  /** Whether the same call can work later. */
  get temporary() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500 || this.signedOut;
  }

  get signedOut() {
    return this.status === 401 || this.status === 403;
  }
}

// A deployment can have a stage before the path: …/console -> …/console/api.
const path = location.pathname;
const base = `${path.slice(0, path.lastIndexOf('/console'))}/console/api`;

/** @param {string} where @param {{body?: object, signal?: AbortSignal}} [options] @returns {Promise<any>} */
export async function call(where, { body, signal } = {}) {
  const timeout = new AbortController();
  const stop = () => timeout.abort();
  const timer = setTimeout(stop, config.requestTimeoutMs);
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop);
  try {
    const response = await signedIn((token) => fetch(base + where, {
      method: body ? 'POST' : 'GET',
      headers: {
        Accept: 'application/json',
        ...(body && { 'Content-Type': 'application/json' }),
        ...(token && { Authorization: `Bearer ${token}` }),
      },
      body: body && JSON.stringify(body),
      cache: 'no-store',
      credentials: 'same-origin',
      signal: timeout.signal,
    }));
    learnClock(response.headers.get('Date'));
    const answer = await response.json().catch((error) => {
      // An answer that breaks off is a lost one; one that is no JSON is not from our API.
      if (response.ok) throw error;
      return {};
    });
    if (!response.ok) throw new ApiError(response.status, inOwnWords(answer?.reason) ?? answer?.message ?? text.server(response.status));
    return answer;
  } catch (error) {
    if (error instanceof SignInError) throw new ApiError(error.temporary ? 0 : 401, inWords(error));
    throw error instanceof ApiError ? error : new ApiError(0, text.network);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

/** Why a call was refused, in the page's language, where it has words for that. */
function inOwnWords({ why, ...more } = {}) {
  const words = text.because[why];
  return typeof words === 'function' ? words(more) : words;
}

/**
 * A call with the agent's token; once more with another one, if the API refuses it.
 * @param {(token: string | null) => Promise<Response>} attempt
 */
async function signedIn(attempt) {
  const token = await session.token();
  const response = await attempt(token);
  if (response.status === 401 && token) return attempt(await session.another(token));
  session.worked(token);
  return response;
}

/** @param {string} id */
export const of = (id) => `/conversations/${encodeId(id)}`;
/** @param {Record<string, any>} values */
export const query = (values) => {
  const set = Object.entries(values).filter(([, value]) => value != null && value !== '');
  return set.length ? `?${new URLSearchParams(set)}` : '';
};

export const api = {
  /** The agent who is signed in. @returns {Promise<Me>} */
  me: (signal) => call('/me', { signal }),

  /** The agents one can hand a conversation to, and what time it is there. @returns {Promise<{agents: Colleague[], now: number}>} */
  agents: () => call('/agents'),

  /** Tells colleagues that the agent is there. */
  here: (signal) => call('/agents', { body: {}, signal }),

  /**
   * One page of a list.
   * @param {Query & {cursor?: string | null, known?: string | null}} of `known` is the tag of the answer that is here already
   * @param {AbortSignal} [signal] @returns {Promise<ListPage>}
   */
  list: (of, signal) => call(`/conversations${query(of)}`, { signal }),

  /**
   * A conversation, or what changed in it since the cursor.
   * @param {string} id @param {string | null} after @param {AbortSignal} [signal]
   * @returns {Promise<{conversation: Conversation, history?: Turn[], entries: Entry[], cursor: string, more: boolean}>}
   */
  conversation: (id, after, signal) => call(of(id) + query({ after }), { signal }),

  /** @param {string} id @param {string} line @param {string} clientId @returns {Promise<{entry: Entry}>} */
  send: (id, line, clientId) => call(`${of(id)}/messages`, { body: { text: line, client_id: clientId } }),

  /** A private note. @param {string} id @param {string} line @param {string} clientId @returns {Promise<{entry: Entry}>} */
  note: (id, line, clientId) => call(`${of(id)}/notes`, { body: { text: line, client_id: clientId } }),

  /** @param {string} id @param {string} [from] the agent it is taken from @returns {Promise<{conversation: Conversation}>} */
  claim: (id, from) => call(`${of(id)}/claim`, { body: from ? { from } : {} }),

  /** @param {string} id @returns {Promise<{conversation: Conversation}>} */
  release: (id) => call(`${of(id)}/release`, { body: {} }),

  /** @param {string} id @param {string} to the colleague's id @returns {Promise<{conversation: Conversation}>} */
  assign: (id, to) => call(`${of(id)}/assign`, { body: { to } }),

  /** Other conversations of the same person. @param {string} id @returns {Promise<{conversations: Conversation[]}>} */
  person: (id) => call(`${of(id)}/person`),

  /** @returns {Promise<{version: number, replies: CannedReply[]}>} */
  canned: () => call('/canned'),

  /** @param {number} version the one that was read @param {CannedReply[]} replies @returns {Promise<{version: number, replies: CannedReply[]}>} */
  putCanned: (version, replies) => call('/canned', { body: { version, replies } }),

  /** @param {string} id @param {string} [reason] @returns {Promise<{conversation: Conversation}>} */
  close: (id, reason) => call(`${of(id)}/close`, { body: reason ? { reason } : {} }),

  /** @param {string} id @param {string} entry @returns {Promise<{entry: Entry}>} */
  replay: (id, entry) => call(`${of(id)}/entries/${encodeURIComponent(entry)}/replay`, { body: {} }),

  /** All failed lines of a conversation. @param {string} id @returns {Promise<{replayed: number, left: number, entries: Entry[]}>} */
  replayConversation: (id) => call(`${of(id)}/replay`, { body: {} }),

  /**
   * What was given up since then, the last first: the first page of it.
   * @param {number} since @param {AbortSignal} [signal]
   * @returns {Promise<{failed: FailedLine[], conversations: Conversation[], cursor: string | null}>}
   */
  failed: (since, signal) => call(`/failed${query({ since })}`, { signal }),

  /**
   * Sends all again that was given up since then: a piece of it, and where the next one begins.
   * @param {number} since @param {string | null} cursor
   * @returns {Promise<{replayed: number, left: number, cursor: string | null}>}
   */
  replaySince: (since, cursor) => call('/replay', { body: { since, cursor } }),
};

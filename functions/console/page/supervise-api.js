// The calls that only supervisors may make.

import { call, of, query } from './api.js';

/** A person, or a conversation, as the API names them. @typedef {Record<string, string>} Person */

export const superviseApi = {
  /**
   * What was counted, by day and bot, and who waits now.
   * @param {string} from @param {string} to days like 2026-03-01
   */
  statistics: (from, to) => call(`/statistics${query({ from, to })}`),

  /** Those who wait or are being answered, the longest open first. @returns {Promise<{conversations: import('./api.js').Conversation[], cursor: string | null}>} */
  open: () => call(`/conversations${query({ status: 'open' })}`),

  /**
   * The person with this id, their conversations, and further ids of theirs.
   * @param {Person} person
   * @returns {Promise<{person: Person, conversations: import('./api.js').Conversation[], linked: {by: string, value: string, conversations: number}[]}>}
   */
  people: (person) => call(`/people${query(person)}`),

  /** @param {string} id @returns {Promise<{export: object}>} */
  exportJson: (id) => call(`${of(id)}/export${query({ format: 'json' })}`),

  /** @param {string} id @returns {Promise<{text: string}>} */
  exportText: (id) => call(`${of(id)}/export${query({ format: 'text' })}`),

  /**
   * Erases, or goes on erasing.
   * @param {{person: Person} | {conversation: string}} whom @param {boolean} atOnce
   * @returns {Promise<{done: boolean, erased: number, ending: number, more: boolean}>}
   */
  erase: (whom, atOnce) => call('/erasures', { body: { ...whom, at_once: atOnce } }),

  /** @returns {Promise<{erasures: {at: number, by: {name: string}, of_person: boolean, items: number, fingerprint: string}[]}>} */
  erasures: () => call('/erasures'),
};

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

  /**
   * The settings as they are written, what is wrong with them, and what holds where they say nothing.
   * @returns {Promise<{version: number, document: object, wrong: {path: string, problem: string}[], defaults: object, hours: object}>}
   */
  settings: () => call('/settings'),

  /** Their JSON Schema, its members in the order of the form. @returns {Promise<object>} */
  settingsSchema: async () => JSON.parse((await call('/settings/schema')).schema),

  /**
   * What is wrong with a document; where nothing is, what users of a bot are told.
   * @param {{document: object, bot: string, language: string}} what
   * @returns {Promise<{wrong: {path: string, problem: string}[], preview?: {language: string, languages: string[], lines: {of: string, after_seconds: number | null, text: string}[], opens: string | null}}>}
   */
  checkSettings: (what) => call('/settings/check', { body: what }),

  /** @param {number} version the one that was read @param {object} document @returns {Promise<{version: number}>} */
  putSettings: (version, document) => call('/settings', { body: { version, document } }),

  /** @returns {Promise<{erasures: {at: number, by: {name: string}, of_person: boolean, items: number, fingerprint: string}[]}>} */
  erasures: () => call('/erasures'),
};

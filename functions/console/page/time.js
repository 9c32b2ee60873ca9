// Times as people read them, by the server's clock.

import { config } from './config.js';
import { onLanguage, text } from './text.js';

let skew = 0;

/**
 * Learns the server's clock from an answer's Date header, so that waiting times are right on a
 * machine whose own clock is not.
 * @param {string | null} header
 */
export function learnClock(header) {
  const server = header ? Date.parse(header) : NaN;
  if (Number.isNaN(server)) return;
  const difference = server - Date.now();
  // The header has whole seconds: small differences mean nothing.
  skew = Math.abs(difference) > config.clockSkewMs ? difference : 0;
}

/** Now, by the server's clock. @returns {number} */
export const now = () => Date.now() + skew;

/**
 * A span of time: 0:07, 12:40, 1:02:09, 3 d 4 h.
 * @param {number} ms
 * @returns {string}
 */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  if (hours >= 24) return text.days(Math.floor(hours / 24), hours % 24);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

let clock, date, full;
function useLanguage() {
  const { lang } = document.documentElement;
  // The browser's own English: people there differ about 12 and 24 hours.
  const locale = navigator.language.startsWith(lang) ? undefined : lang;
  clock = new Intl.DateTimeFormat(locale, { timeStyle: 'short' });
  date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' });
  full = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
}
useLanguage();
onLanguage(useLanguage);

/** The time of day. @param {number} at @returns {string} */
export const timeOfDay = (at) => clock.format(at);

/** Date and time. @param {number} at @returns {string} */
export const dateAndTime = (at) => full.format(at);

/** A key that two times of the same day share. @param {number} at @returns {string} */
export const dayKey = (at) => new Date(at).toDateString();

/**
 * The day, in words where there are some.
 * @param {number} at
 * @returns {string}
 */
export function day(at) {
  if (dayKey(at) === dayKey(now())) return text.today;
  const before = new Date(now());
  before.setDate(before.getDate() - 1);
  return dayKey(at) === before.toDateString() ? text.yesterday : date.format(at);
}

/** The time of day, or the day where that is another one. @param {number} at @returns {string} */
export const shortTime = (at) => (dayKey(at) === dayKey(now()) ? timeOfDay(at) : day(at));

// What the agent likes: language, sound, notifications, keys. Kept in this browser; says nothing
// about anybody else.

const KEPT_AS = 'handoff-preferences';

/**
 * @typedef {object} Preferences
 * @property {string | null} language null: as the browser has it
 * @property {boolean} sound
 * @property {boolean | null} notify null: not asked yet
 * @property {boolean} keys single-key shortcuts
 * @property {boolean} details whether what is known of the user is open
 */

/** @returns {Preferences} */
const defaults = () => ({ language: null, sound: true, notify: null, keys: true, details: true });

/** @type {Preferences} */
export const preferences = defaults();
try {
  const kept = JSON.parse(localStorage.getItem(KEPT_AS) ?? '{}');
  for (const name of Object.keys(preferences)) if (name in kept) preferences[name] = kept[name];
} catch {
  // Storage is switched off, or what is in it is not ours.
}

/** @param {Partial<Preferences>} changes */
export function prefer(changes) {
  Object.assign(preferences, changes);
  try {
    localStorage.setItem(KEPT_AS, JSON.stringify(preferences));
  } catch {
    // Then it holds until the page goes.
  }
}

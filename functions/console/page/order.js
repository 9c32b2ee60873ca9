// The order in which lines are shown.

/** @typedef {import('./api.js').Entry} Entry */

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const isOfGptbots = (entry) =>
  (entry.author === 'user' && entry.kind === 'message') || entry.kind === 'opening';
const sentAt = (entry) => entry.sent_at ?? entry.at;

/**
 * By acceptance; but what GPTBots sent, the user's lines and the openings, by its timestamps among
 * themselves, since it can hand them over in another order, and the clocks of two functions can
 * differ.
 * @param {Iterable<Entry>} entries
 * @returns {Entry[]}
 */
export function inDisplayOrder(entries) {
  const sorted = [...entries].sort((a, b) => a.at - b.at || compare(a.id, b.id));
  // Array.prototype.sort is stable.
  const ofGptbots = sorted.filter(isOfGptbots).sort((a, b) => sentAt(a) - sentAt(b));
  let next = 0;
  return sorted.map((entry) => (isOfGptbots(entry) ? ofGptbots[next++] : entry));
}

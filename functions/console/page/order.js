// The order in which lines are shown.

/** @typedef {import('./api.js').Entry} Entry */

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const isUserLine = (entry) => entry.author === 'user' && entry.kind === 'message';

/**
 * By acceptance; but a user's lines that follow each other stand as they were written, since
 * GPTBots can hand them over in another order.
 * @param {Iterable<Entry>} entries
 * @returns {Entry[]}
 */
export function inDisplayOrder(entries) {
  const sorted = [...entries].sort((a, b) => a.at - b.at || compare(a.id, b.id));
  const result = [];
  for (let i = 0; i < sorted.length; ) {
    let end = i + 1;
    if (isUserLine(sorted[i])) {
      while (end < sorted.length && isUserLine(sorted[end])) end += 1;
    }
    // Array.prototype.sort is stable.
    result.push(...sorted.slice(i, end).sort((a, b) => (a.sent_at ?? a.at) - (b.sent_at ?? b.at)));
    i = end;
  }
  return result;
}

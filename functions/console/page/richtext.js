// Plain text whose web addresses can be clicked.

// ASCII only: an address ends where Chinese or Japanese text goes on without a space.
const ADDRESS = /\bhttps?:\/\/[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+/gi;

// What a sentence puts behind an address.
const TAIL = new Set(".,;:!?'*");

/**
 * Without the full stop, comma or bracket of the sentence around it. One pass: a user can write an
 * address of any length, and every agent's page has to show it.
 */
function trimmed(address) {
  // Brackets that were closed more often than opened.
  const surplus = { ')': 0, ']': 0 };
  for (const character of address) {
    if (character === '(') surplus[')'] -= 1;
    else if (character === '[') surplus[']'] -= 1;
    else if (character in surplus) surplus[character] += 1;
  }
  let end = address.length;
  for (; end > 0; end -= 1) {
    const last = address[end - 1];
    if (TAIL.has(last)) continue;
    if (!(last in surplus) || surplus[last] <= 0) break;
    surplus[last] -= 1;
  }
  return address.slice(0, end);
}

/**
 * A link to an address on the web, or null where it is no safe one.
 * @param {string} address
 * @param {string} [label]
 * @returns {HTMLAnchorElement | null}
 */
export function link(address, label = address) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  // "https://bank.example@elsewhere" reads as another place than it leads to.
  if (!/^https?:$/.test(url.protocol) || url.username || url.password) return null;
  const node = document.createElement('a');
  node.href = url.href;
  node.target = '_blank';
  node.rel = 'noopener noreferrer nofollow';
  node.textContent = label;
  return node;
}

const shown = new WeakMap();

/**
 * Shows a text in a node, its addresses as links. Nothing happens where it is shown already.
 * @param {Element} node
 * @param {string} value
 */
export function setRichText(node, value) {
  if (shown.get(node) === value) return;
  shown.set(node, value);
  const parts = [];
  let done = 0;
  for (const match of value.matchAll(ADDRESS)) {
    const url = trimmed(match[0]);
    const anchor = link(url);
    if (!anchor) continue;
    parts.push(value.slice(done, match.index), anchor);
    done = match.index + url.length;
  }
  parts.push(value.slice(done));
  node.replaceChildren(...parts);
}

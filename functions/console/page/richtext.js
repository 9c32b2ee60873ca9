// Plain text whose web addresses can be clicked.

// ASCII only: an address ends where Chinese or Japanese text goes on without a space.
const ADDRESS = /\bhttps?:\/\/[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+/gi;

/** Without the full stop, comma or bracket of the sentence around it. */
function trimmed(address) {
  let url = address.replace(/[.,;:!?'*]+$/, '');
  while (/[)\]]$/.test(url)) {
    const [open, close] = url.endsWith(')') ? ['(', ')'] : ['[', ']'];
    if (url.split(open).length >= url.split(close).length) break;
    url = url.slice(0, -1).replace(/[.,;:!?'*]+$/, '');
  }
  return url;
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

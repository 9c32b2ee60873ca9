// Names: conversation ids as they stand in paths and in the address bar, and ids for new lines.

/**
 * A conversation id as base64url without padding.
 * @param {string} id
 * @returns {string}
 */
export function encodeId(id) {
  const bytes = new TextEncoder().encode(id);
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/**
 * The conversation id of a path segment; null for anything else.
 * @param {string} segment
 * @returns {string | null}
 */
export function decodeId(segment) {
  if (!/^[A-Za-z0-9_-]+$/.test(segment)) return null;
  try {
    const bytes = Uint8Array.from(atob(segment.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/**
 * A new, unique id of a line written here; roughly sorts by time.
 * @returns {string}
 */
export function newClientId() {
  // Not crypto.randomUUID: that one is missing where the page is not served over https.
  const random = crypto.getRandomValues(new Uint8Array(12));
  return `${Date.now().toString(36)}-${Array.from(random, (b) => b.toString(16).padStart(2, '0')).join('')}`;
}

// Building and updating nodes. Whatever people wrote goes in as text, never as markup.

/**
 * An element with its properties and children.
 * @param {string} tag
 * @param {Record<string, string | boolean | ((event: Event) => void)>} [properties] attributes, or
 *   listeners for names that begin with "on"; false and null are left out
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** The element of this id, which index.html has. @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/**
 * Sets text only where it differs, so that what the reader has selected stays selected.
 * @param {Node} node
 * @param {string} value
 */
export function setText(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

/**
 * Sets an attribute only where it differs; null removes it.
 * @param {Element} node
 * @param {string} name
 * @param {string | null} value
 */
export function setAttribute(node, name, value) {
  if (value == null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/**
 * A container whose children follow a list of items by key: nodes are made, updated, moved and
 * removed one by one, so focus, selection and scroll position of all others stay.
 * @template T
 * @param {Element} container
 * @param {{create: (item: T) => Element, update: (node: Element, item: T) => void}} how
 * @returns {{(items: {key: string, item: T}[]): void, clear: () => void}} draws; `clear` forgets the
 *   nodes, for when what stays the same in them has changed
 */
export function keyedChildren(container, { create, update }) {
  /** @type {Map<string, Element>} */
  let nodes = new Map();
  const draw = (items) => {
    const next = new Map();
    for (const { key, item } of items) {
      const node = nodes.get(key) ?? create(item);
      update(node, item);
      next.set(key, node);
    }
    for (const [key, node] of nodes) if (!next.has(key)) node.remove();
    nodes = next;

    // A node that moves loses the focus, so give it back.
    const focused = document.activeElement;
    let place = container.firstElementChild;
    for (const node of next.values()) {
      if (node === place) place = place.nextElementSibling;
      else container.insertBefore(node, place);
    }
    if (focused instanceof HTMLElement && focused !== document.activeElement && container.contains(focused)) {
      focused.focus({ preventScroll: true });
    }
  };
  draw.clear = () => draw([]);
  return draw;
}

// What the supervisors' views are made of.

import { el } from './dom.js';

/**
 * A table; the first of each row is its head.
 * @param {string} title
 * @param {string[]} head
 * @param {(string | Node)[][]} rows
 */
export function table(title, head, rows) {
  return el('div', { class: 'table', tabindex: '0', role: 'region', 'aria-label': title },
    el('table', {},
      el('caption', { class: 'hidden' }, title),
      el('thead', {}, el('tr', {}, ...head.map((name) => el('th', { scope: 'col' }, name)))),
      el('tbody', {}, ...rows.map(([first, ...rest]) => el('tr', {},
        el('th', { scope: 'row', dir: 'auto' }, first),
        ...rest.map((cell) => el('td', { dir: 'auto' }, cell)))))));
}

/**
 * A choice with its label.
 * @param {string} label @param {[string, string][]} options @param {string} value @param {string} name
 * @param {(value: string) => void} on
 */
export function select(label, options, value, name, on) {
  const choice = el('select', { 'data-test': name, onchange: () => on(choice.value) }, ...options.map(([key, title]) => el('option', { value: key }, title)));
  choice.value = value;
  return el('label', { class: 'labelled' }, el('span', {}, label), choice);
}

// Small charts as SVG, each with the same figures as a table. No library: bars are all it takes.

import { el } from './dom.js';
import { table } from './supervise-parts.js';
import { words } from './supervise-text.js';

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 640;
const HEIGHT = 190;
const LEFT = 44;
const BOTTOM = 24;

/** @param {string} tag @param {Record<string, string | number>} attributes @param {...(Node | string)} children */
function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/**
 * A round number that is no smaller: 1, 2 or 5 times a power of ten.
 * @param {number} number
 */
export function roundUp(number) {
  if (number <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(number));
  return [1, 2, 5, 10].map((times) => times * power).find((round) => round >= number) ?? number;
}

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {'a' | 'b' | 'c'} look
 * @property {number[]} values one for each label
 */

/**
 * Bars over labels; several series stand on each other.
 * @param {object} chart
 * @param {string} chart.title
 * @param {string} chart.head what the labels are
 * @param {string[]} chart.labels
 * @param {Series[]} chart.series
 * @param {(value: number) => string} [chart.show]
 */
export function bars({ title, head, labels, series, show = String }) {
  const text = words();
  const sums = labels.map((_, at) => series.reduce((sum, { values }) => sum + values[at], 0));
  const top = roundUp(Math.max(...sums, 0));
  const step = (WIDTH - LEFT) / Math.max(labels.length, 1);
  const height = (value) => (value / top) * (HEIGHT - BOTTOM - 8);
  const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'chart', role: 'img', 'aria-label': title });
  for (const part of [0, 0.5, 1]) {
    const y = HEIGHT - BOTTOM - height(top * part);
    picture.append(
      svg('line', { x1: LEFT, x2: WIDTH, y1: y, y2: y, class: 'grid' }),
      svg('text', { x: LEFT - 6, y: y + 4, class: 'scale' }, show(top * part)),
    );
  }
  // As many labels as can be read.
  const every = Math.ceil(labels.length / 10);
  labels.forEach((label, at) => {
    let y = HEIGHT - BOTTOM;
    for (const { name, look, values } of series) {
      if (!values[at]) continue;
      y -= height(values[at]);
      picture.append(svg(
        'rect',
        { x: LEFT + at * step + step * 0.12, y, width: step * 0.76, height: height(values[at]), class: `bar ${look}` },
        svg('title', {}, `${label} · ${name}: ${show(values[at])}`),
      ));
    }
    if (at % every === 0) {
      picture.append(svg('text', { x: LEFT + (at + 0.5) * step, y: HEIGHT - 8, class: 'label' }, label));
    }
  });
  const legend = el('p', { class: 'legend', 'aria-hidden': 'true' },
    ...series.flatMap(({ name, look }) => [el('span', { class: `key ${look}` }), el('span', {}, name)]));
  return el('figure', { class: 'figure' },
    el('figcaption', {}, title),
    picture,
    ...(series.length > 1 ? [legend] : []),
    el('details', {}, el('summary', {}, text.table), table(title, [head, ...series.map(({ name }) => name)],
      labels.map((label, at) => [label, ...series.map(({ values }) => show(values[at]))]))));
}

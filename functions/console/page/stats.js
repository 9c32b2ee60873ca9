// The supervisors' figures: who waits now, and what the counters say.

import { bars } from './charts.js';
import { el } from './dom.js';
import { encodeId } from './ids.js';
import { shortId, whoIs } from './people.js';
import { superviseApi } from './supervise-api.js';
import { select, table } from './supervise-parts.js';
import { words } from './supervise-text.js';
import { now, span } from './time.js';

const SPANS = [7, 30, 90];
const DAY = 86_400_000;
/** So many who wait are named. */
const NAMED = 20;
/** Pause between two looks at who waits. */
const WAITING_EVERY_MS = 3000;

const dayOf = (at) => new Date(at).toISOString().slice(0, 10);

/**
 * All days from one to another.
 * @param {string} from @param {string} to
 */
export function daysBetween(from, to) {
  const days = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY) days.push(dayOf(at));
  return days;
}

/**
 * The sums of counts.
 * @param {object[]} days
 */
export function sum(days) {
  const total = {
    handoffs: 0, answered: 0, response_ms: 0, response: [], handled: 0, handling_ms: 0, handling: [], failed: 0,
    closed_by: { user: 0, agent: 0, timeout: 0, bridge: 0 },
  };
  for (const day of days) {
    for (const name of ['handoffs', 'answered', 'response_ms', 'handled', 'handling_ms', 'failed']) total[name] += day[name];
    for (const name of ['response', 'handling']) day[name].forEach((n, at) => { total[name][at] = (total[name][at] ?? 0) + n; });
    for (const name of Object.keys(total.closed_by)) total.closed_by[name] += day.closed_by[name];
  }
  return total;
}

/** A time in its largest unit. @param {number} seconds */
function rough(seconds) {
  const { units } = words();
  if (seconds < 60) return `${Math.round(seconds)} ${units.s}`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} ${units.min}`;
  if (seconds < 86_400) return `${Math.round(seconds / 360) / 10} ${units.h}`;
  return `${Math.round(seconds / 8640) / 10} ${units.d}`;
}

/** The names of classes by their bounds. @param {number[]} bounds */
function classes(bounds) {
  const text = words();
  return [...bounds.map((seconds) => text.upTo(rough(seconds))), text.over(rough(bounds.at(-1)))];
}

/**
 * @param {() => void} leave called when a conversation is to be shown
 */
export function createFigures(leave) {
  const text = words();
  let days = SPANS[1];
  let bot = '';
  let answer = null;
  const span_ = select(text.days, SPANS.map((n) => [String(n), text.lastDays(n)]), String(days), 'stats-days', (value) => {
    days = Number(value);
    load();
  });
  const bots = select(text.bot, [['', text.allBots]], '', 'stats-bot', (value) => {
    bot = value;
    draw();
  });
  const waiting = el('section', { 'aria-labelledby': 'waiting-title' });
  const status = el('p', { class: 'placeholder', role: 'status' });
  const tiles = el('dl', { class: 'tiles', 'data-test': 'tiles' });
  const charts = el('div', { class: 'charts' });
  const root = el('div', {},
    waiting,
    el('div', { class: 'fields' }, span_, bots),
    status, tiles, charts, el('p', { class: 'help' }, text.utc));

  let asked = 0;
  async function load() {
    asked += 1;
    const mine = asked;
    status.textContent = text.loading;
    const to = now();
    try {
      const came = await superviseApi.statistics(dayOf(to - (days - 1) * DAY), dayOf(to));
      if (mine !== asked) return;
      answer = came;
      status.textContent = '';
      draw();
    } catch (error) {
      if (mine === asked) status.textContent = text.failed(error.message);
    }
  }

  function draw() {
    if (!answer) return;
    const known = [...new Set(answer.days.map((day) => day.bot_id))].sort();
    const choice = bots.querySelector('select');
    choice.replaceChildren(...[['', text.allBots], ...known.map((id) => [id, id])].map(([value, name]) => el('option', { value }, name)));
    choice.value = known.includes(bot) ? bot : '';
    bot = choice.value;
    const counted = answer.days.filter((day) => !bot || day.bot_id === bot);
    const total = sum(counted);
    const byDay = daysBetween(answer.from, answer.to).map((day) => [day, sum(counted.filter((of) => of.day === day))]);
    drawTiles(total);
    drawCharts(total, byDay);
  }

  function drawTiles(total) {
    const average = (ms, n) => (n ? rough(ms / n / 1000) : text.none);
    const share = (part, of) => (of ? text.share(Math.round((part / of) * 100)) : text.none);
    const soon = answer.response_seconds.reduce((n, seconds, at) => (seconds <= 60 ? n + (total.response[at] ?? 0) : n), 0);
    const figures = [
      ['handoffs', text.handoffs, String(total.handoffs)],
      ['answered', text.answered, share(total.answered, total.handoffs)],
      ['response', `${text.response} (${text.average})`, average(total.response_ms, total.answered)],
      ['soon', text.withinMinute, share(soon, total.answered)],
      ['handling', `${text.handling} (${text.average})`, average(total.handling_ms, total.handled)],
      ['failed', text.undelivered, String(total.failed)],
    ];
    tiles.replaceChildren(...figures.map(([name, title, value]) => el('div', { 'data-test': `tile-${name}` }, el('dt', {}, title), el('dd', {}, value))));
  }

  function drawCharts(total, byDay) {
    const labels = byDay.map(([day]) => day.slice(5));
    const of = (value) => byDay.map(([, counts]) => value(counts));
    const filled = (values, n) => Array.from({ length: n }, (_, at) => values[at] ?? 0);
    const one = (name, look, values) => [{ name, look, values }];
    const response = classes(answer.response_seconds);
    const handling = classes(answer.handling_seconds);
    const by = Object.keys(total.closed_by);
    charts.replaceChildren(
      bars({
        title: text.charts.handoffs, head: text.day, labels, series: [
          { name: text.answered, look: 'a', values: of((counts) => counts.answered) },
          { name: text.unanswered, look: 'b', values: of((counts) => Math.max(counts.handoffs - counts.answered, 0)) },
        ],
      }),
      bars({
        title: text.charts.responseDays, head: text.day, labels,
        show: (value) => String(Math.round(value * 10) / 10),
        series: one(text.minutes, 'a', of((counts) => (counts.answered ? counts.response_ms / counts.answered / 60_000 : 0))),
      }),
      bars({ title: text.charts.response, head: text.waits, labels: response, series: one(text.number, 'a', filled(total.response, response.length)) }),
      bars({ title: text.charts.handling, head: text.handling, labels: handling, series: one(text.number, 'a', filled(total.handling, handling.length)) }),
      bars({ title: text.charts.closed, head: text.who, labels: by.map((name) => text.closedBy[name]), series: one(text.number, 'c', by.map((name) => total.closed_by[name])) }),
      bars({ title: text.charts.failed, head: text.day, labels, series: one(text.number, 'b', of((counts) => counts.failed)) }),
    );
  }

  let people = [];
  let lookedAt = 0;
  async function lookWhoWaits() {
    if (Date.now() - lookedAt < WAITING_EVERY_MS) return;
    lookedAt = Date.now();
    try {
      people = (await superviseApi.open()).conversations.filter((one) => one.status === 'waiting');
    } catch {
      // As it was, then; the page's own banner says that the connection is lost.
    }
    drawWaiting();
  }

  function drawWaiting() {
    // Where somebody is going through the list, it stays as it is.
    if (waiting.contains(document.activeElement)) return;
    const first = people[0]?.opened_at;
    const said = people.length ? text.waiting(people.length, span(now() - first)) : text.nobody;
    const rows = people.slice(0, NAMED).map((one) => [
      el('a', { href: `#${encodeId(one.conversation_id)}`, dir: 'auto', onclick: leave }, whoIs(one)),
      shortId(one.bot_id ?? ''),
      span(now() - one.opened_at),
    ]);
    waiting.replaceChildren(
      el('h3', { id: 'waiting-title' }, text.now),
      el('p', { 'data-test': 'waiting-now' }, said),
      ...(rows.length ? [table(text.now, [text.user, text.bot, text.waits], rows)] : []),
      ...(people.length > NAMED ? [el('p', {}, text.moreWaiting(people.length - NAMED))] : []),
    );
  }

  return {
    root,
    show() {
      load();
      lookWhoWaits();
    },
    tick() {
      drawWaiting();
      lookWhoWaits();
    },
  };
}

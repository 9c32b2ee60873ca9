// The settings as a form. It is drawn from the published JSON Schema: a setting that comes into the
// document later has its row here without a line of this file, needing no more than a label in
// settings-text.js. What is right and wrong is not looked at here: the server says it, with its own
// reader, and this shows it at the place it names.
//
// Every row works on a place of the document. Nothing at a place means that the default holds, or for
// a bot what holds for all: an empty box, or a part that has not been made one's own.

import { el } from './dom.js';
import { asGroup, isGroup, memberOf, within } from './settings-changes.js';
import { label, languageName, meaning, say } from './settings-text.js';

/**
 * @typedef {object} Place
 * @property {string} path as the server names it @property {string} name @property {string} parent
 * @property {() => any} get undefined: nothing is set
 * @property {(value: any) => void} set undefined takes it out
 * @property {any} otherwise what holds where nothing is set
 * @property {string} unset what that is called
 * @property {string} [title] where its name is the operator's
 * @property {boolean} [needed] it cannot be taken out @property {boolean} [keeps] it may be empty
 */

/** What parts begin with that have no default to begin with. */
const week = () => Object.fromEntries(['mon', 'tue', 'wed', 'thu', 'fri'].map((day) => [day, ['09:00-18:00']]));
const BEGINNINGS = {
  weekly: week,
  hours: () => ({ time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone, weekly: week() }),
};
const COMMA = /[,，、]/;

let made = 0;
const newId = () => `setting-${++made}`;

/**
 * The controls of a document.
 * @param {object} root the schema
 * @param {{defaults: object, hours: object}} holds the document that the defaults make, and what holds in
 *   opening hours that say nothing
 * @param {() => void} changed something was typed
 * @param {() => string} language what texts are in that are not yet in several
 */
export function createForm(root, { defaults, hours }, changed, language) {
  const resolved = (schema) => (schema.$ref ? { ...schema, ...root.$defs[schema.$ref.split('/').pop()], description: schema.description } : schema);

  /** @param {Place} place @returns {Place} */
  const child = (place, name, otherwise, more = {}) => ({
    path: within(place.path, name), name, parent: place.name, otherwise, unset: say('asDefault'),
    get: () => memberOf(place.get(), name),
    set(value) {
      const members = { ...asGroup(place.get()), [name]: value };
      if (value === undefined) delete members[name];
      place.set(Object.keys(members).length || place.keeps || place.needed ? members : undefined);
    },
    ...more,
  });

  /** @param {Place} place @returns {Place} */
  const element = (place, at) => ({
    path: `${place.path}[${at}]`, name: place.name, parent: place.name, unset: '', otherwise: undefined, needed: true,
    get: () => place.get()?.[at],
    set: (value) => place.set(place.get().with(at, value)),
  });

  /** What holds: what is written, and the default of what is not, or is nothing that could be. */
  function effective(schema, value, otherwise) {
    const { properties } = resolved(schema);
    if (!properties) return value ?? otherwise;
    if (!isGroup(value)) return otherwise;
    const names = Object.keys(properties).filter((name) => name in value || name in asGroup(otherwise));
    return Object.fromEntries(names.map((name) => [name, effective(properties[name], value[name], otherwise?.[name])]));
  }

  /** A value in a few words. */
  function described(value) {
    if (value == null || value === '') return say('nothing');
    if (typeof value === 'boolean') return say(value ? 'yes' : 'no');
    if (Array.isArray(value)) return value.map(described).join(' · ') || say('nothing');
    if (typeof value !== 'object') return String(value);
    const { lang } = document.documentElement;
    const wanted = { 'zh-Hant': 'zh-TW', 'zh-Hans': 'zh-CN' }[lang] ?? lang;
    const code = [wanted, 'en'].find((name) => name in value);
    return code ? described(value[code]) : Object.values(value).map(described).join(': ');
  }

  /** A row: a label, its control, what is to be known and what is wrong. */
  function row(place, title, control, help = '') {
    const id = newId();
    control.id = id;
    control.setAttribute('aria-describedby', `${id}-help ${id}-wrong`);
    const node = el('div', { class: 'setting', 'data-path': place.path },
      el('label', { for: id }, title), control,
      el('p', { class: 'help', id: `${id}-help` }, help),
      el('p', { class: 'wrong', id: `${id}-wrong` }));
    node.control = control;
    return node;
  }

  /** A part with a heading. */
  function part(place, title, ...children) {
    const id = newId();
    const node = el('fieldset', { class: 'part', 'data-path': place.path, 'aria-describedby': id, tabindex: '-1' },
      el('legend', {}, title), el('p', { class: 'wrong', id }), ...children);
    node.control = node;
    return node;
  }

  const titleOf = (place) => place.title ?? label(place.name, place.parent);
  const button = (title, full, onclick, test) => el('button', { type: 'button', class: 'small', 'aria-label': full, 'data-test': test, onclick }, title);

  /** Puts the keyboard where one goes on. */
  const goOn = (node) => (node?.querySelector('input, textarea, select, button') ?? node)?.focus();

  function box(schema, place) {
    const number = schema.type === 'integer';
    const zones = place.name === 'time_zone' && 'setting-zones';
    const input = el('input', {
      type: 'text', inputmode: number && 'numeric', autocomplete: 'off', spellcheck: 'false', dir: 'auto', list: zones,
      placeholder: place.otherwise === undefined ? null : described(place.otherwise),
      oninput() {
        const text = input.value.trim();
        const isNumber = number && text !== '' && Number.isFinite(Number(text));
        place.set(text === '' ? undefined : isNumber ? Number(text) : text);
        changed();
      },
    });
    input.value = place.get() ?? '';
    const range = number ? say('range', schema.minimum, schema.maximum) : '';
    const unset = place.needed || place.otherwise === undefined ? '' : say('otherwise', place.unset, described(place.otherwise));
    return row(place, titleOf(place), input, [range, unset].filter(Boolean).join(' · '));
  }

  function list(schema, place) {
    const isSpans = Boolean(schema.items.$ref);
    const input = el('input', {
      type: 'text', autocomplete: 'off', spellcheck: 'false', dir: 'auto',
      placeholder: isSpans ? say('closed') : place.otherwise?.join?.(', '),
      oninput() {
        const all = input.value.split(COMMA).map((one) => one.trim()).filter(Boolean);
        place.set(all.length || place.keeps ? all : undefined);
        changed();
      },
    });
    const value = place.get();
    input.value = Array.isArray(value) ? value.join(', ') : value ?? '';
    const help = isSpans ? '09:00-12:00, 13:00-18:00' : `${say('list')} · ${say('otherwise', place.unset, described(place.otherwise))}`;
    return row(place, titleOf(place), input, help);
  }

  function choice(words, place) {
    const options = [[undefined, say('otherwise', place.unset, described(words.find(([value]) => value === place.otherwise)?.[1]))], ...words];
    const select = el('select', {
      onchange() {
        place.set(options[select.selectedIndex][0]);
        changed();
      },
    }, ...options.map(([value, title]) => el('option', { value: String(value ?? '') }, title)));
    select.selectedIndex = Math.max(0, options.findIndex(([value]) => value === place.get()));
    return row(place, titleOf(place), select);
  }

  /** A text for users: for all, or language by language. */
  function wording(schema, place) {
    const node = el('div', {});
    const area = (at, title, code) => {
      const box_ = el('textarea', {
        rows: '2', dir: 'auto', lang: code,
        oninput() {
          at.set(box_.value);
          changed();
        },
      });
      box_.value = at.get() ?? '';
      const filled = schema.description?.match(/\{\w+\}/g);
      return row(at, title, box_, filled ? say('placeholders', filled.join(', ')) : '');
    };
    function draw() {
      const value = place.get();
      const several = isGroup(value);
      const areas = several
        ? Object.keys(value).map((code) => {
          const one = area(child(place, code, undefined, { keeps: true }), languageName(code), code);
          const remove = say('remove', languageName(code));
          if (Object.keys(value).length > 1) {
            one.append(button('✕', remove, () => {
              child(place, code).set(undefined);
              draw();
              goOn(node);
              changed();
            }, 'setting-remove'));
          }
          return one;
        })
        : [area(place, say('everyLanguage'))];
      const add = adder(say('language'), 'text', (code) => {
        // As it is by now.
        const text = place.get();
        const all = several ? text : text ? { [language()]: text } : {};
        place.set(Object.hasOwn(all, code) ? all : { ...all, [code]: '' });
        draw();
        [...node.querySelectorAll('textarea')].find((one) => one.lang === code)?.focus();
        changed();
      }, titleOf(place));
      node.replaceChildren(...areas, add);
    }
    draw();
    return node;
  }

  /** A box for a name, and a button that adds it. */
  function adder(title, type, add, to) {
    const input = el('input', { type, autocomplete: 'off', spellcheck: 'false', dir: 'auto', 'data-test': 'setting-name', onkeydown });
    const take = () => {
      const name = input.value.trim();
      if (name) add(name);
      else input.focus();
    };
    function onkeydown(event) {
      if (event.key !== 'Enter' || event.isComposing) return;
      event.preventDefault();
      take();
    }
    return el('div', { class: 'adder' },
      el('label', { class: 'labelled' }, el('span', {}, title), input),
      button(say('add'), say('addTo', to), take, 'setting-add'));
  }

  /** Members whose names the operator gives. */
  function map(schema, place) {
    const node = el('div', {});
    const entries = resolved(schema.additionalProperties);
    function draw() {
      const entry = (name) => {
        const at = child(place, name, undefined, { keeps: true, name: '', title: name });
        const remove = button('✕', say('remove', name), () => {
          at.set(undefined);
          draw();
          goOn(node.lastElementChild);
          changed();
        }, 'setting-remove');
        return el('div', { class: 'entry-of' }, control(entries, at), remove);
      };
      const add = adder(say(place.name === 'exceptions' ? 'date' : 'name'), place.name === 'exceptions' ? 'date' : 'text', (name) => {
        if (!Object.hasOwn(asGroup(place.get()), name)) child(place, name).set(entries.type === 'array' ? [] : {});
        draw();
        goOn(node.querySelector(`[data-path="${CSS.escape(within(place.path, name))}"]`));
        changed();
      }, titleOf(place));
      node.replaceChildren(...Object.keys(asGroup(place.get())).map(entry), add);
    }
    draw();
    return node;
  }

  /** A list of groups. */
  function rows(schema, place) {
    const node = el('div', {});
    function draw() {
      const all = () => (Array.isArray(place.get()) ? place.get() : []);
      const items = all().map((_, at) => part(element(place, at), String(at + 1), ...members(resolved(schema.items), element(place, at)),
        button('✕', say('remove', `${titleOf(place)} ${at + 1}`), () => {
          place.set(all().toSpliced(at, 1));
          draw();
          node.lastElementChild.focus();
          changed();
        }, 'setting-remove')));
      const add = button(say('add'), say('addTo', titleOf(place)), () => {
        place.set([...all(), structuredClone(all().at(-1) ?? place.otherwise?.[0] ?? {})]);
        draw();
        goOn(node.lastElementChild.previousElementSibling);
        changed();
      }, 'setting-add');
      node.replaceChildren(...items, add);
    }
    draw();
    return node;
  }

  function members(schema, place) {
    const required = schema.required ?? [];
    return Object.entries(schema.properties).map(([name, member]) => {
      const more = place.needed ? { needed: required.includes(name) } : place.own ? { unset: say('asForAll'), whole: true } : {};
      return control(member, child(place, name, place.otherwise?.[name] ?? resolved(member).default, more));
    });
  }

  /** What is there as a whole or not at all; what `is` does not take is as good as not there. */
  function whole(place, is, body, empty = {}) {
    const node = part(place, titleOf(place));
    const head = [...node.children];
    const fill = () => structuredClone(place.otherwise ?? BEGINNINGS[place.name]?.() ?? empty);
    function draw() {
      const isSet = is(place.get());
      const change = (value) => () => {
        place.set(value?.());
        draw();
        goOn(value ? node : node.lastElementChild);
        changed();
      };
      const holds = BEGINNINGS[place.name] && place.otherwise === undefined ? say('always') : described(place.otherwise);
      const rest = isSet
        ? [...body(), ...(place.needed ? [] : [button(place.unset, say('back', titleOf(place), place.unset), change(), 'setting-unset')])]
        : [el('p', { class: 'help', dir: 'auto' }, say('otherwise', place.unset, holds)), button(say('set'), say('setOf', titleOf(place)), change(fill), 'setting-set')];
      node.replaceChildren(...head, ...rest);
    }
    draw();
    return node;
  }

  /** The control of any place. @param {object} given its schema @param {Place} place */
  function control(given, place) {
    const schema = resolved(given);
    if (schema.oneOf) return whole(place, (value) => typeof value === 'string' || isGroup(value), () => [wording(schema, place)], '');
    if (schema.enum) return choice(schema.enum.map((word) => [word, meaning(word)]), place);
    if (schema.type === 'boolean') return choice([[true, say('yes')], [false, say('no')]], place);
    if (schema.type === 'array' && resolved(schema.items).properties) return whole(place, Array.isArray, () => [rows(schema, place)]);
    if (schema.type === 'array') return list(schema, place);
    if (schema.properties) {
      if (place.whole || (place.name in BEGINNINGS && !place.needed)) {
        // Whatever is in it is now its own: what is not written there is the default.
        const inner = { ...place, keeps: true, otherwise: { ...defaults, hours }[place.name] ?? place.otherwise };
        return whole(place, isGroup, () => members(schema, inner));
      }
      return part(place, titleOf(place), ...members(schema, place));
    }
    if (schema.additionalProperties) return part(place, titleOf(place), map(schema, place));
    return box(schema, place);
  }

  const zones = el('datalist', { id: 'setting-zones' }, ...Intl.supportedValuesOf('timeZone').map((zone) => el('option', { value: zone })));

  return {
    /**
     * The rows of a document, for all bots or one.
     * @param {{value: object}} draft is changed as one types
     * @param {string | null} bot
     */
    draw(draft, bot) {
      const top = { path: '', name: '', parent: '', keeps: true, get: () => draft.value, set: (value) => { draft.value = value; }, otherwise: defaults, unset: say('asDefault') };
      const { $schema: _, bots, ...properties } = root.properties;
      const place = bot === null ? top : child(child(top, 'bots'), bot, effective(root, draft.value, defaults), { keeps: true, own: true });
      return [zones, ...members(bot === null ? { properties } : bots.additionalProperties, place)];
    },
  };
}

/** What a row is called, with the parts that it is in. @param {Element | null} node */
export function titleAt(node) {
  const titles = [];
  for (let at = node; at; at = at.parentElement.closest('[data-path]')) {
    titles.unshift(at.querySelector(':scope > :is(label, legend)').textContent);
  }
  return titles.join(' › ');
}

/**
 * Shows at each place what is wrong there.
 * @param {Element} form
 * @param {{path: string, problem: string}[]} wrong the problems in words
 * @returns {(Element | null)[]} where each of them is shown
 */
export function showWrong(form, wrong) {
  const nodes = [...form.querySelectorAll('[data-path]')];
  const shown = wrong.map(({ path }) => {
    const over = nodes.filter((node) => path === node.dataset.path || (path.startsWith(node.dataset.path) && '.['.includes(path[node.dataset.path.length])));
    return over.reduce((best, node) => (best && best.dataset.path.length > node.dataset.path.length ? best : node), null);
  });
  for (const node of nodes) {
    const own = wrong.filter((_, at) => shown[at] === node);
    const said = node.querySelector(':scope > .wrong');
    const text = own.map(({ problem }) => problem).join(' ');
    if (said.textContent !== text) said.textContent = text;
    if (node.control === node) continue;
    if (own.length) node.control.setAttribute('aria-invalid', 'true');
    else node.control.removeAttribute('aria-invalid');
  }
  return shown;
}

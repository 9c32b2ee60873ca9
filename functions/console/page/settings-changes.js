// What differs between two documents, place by place.

/** A place as the server writes it. @param {string} path @param {string} name */
export const within = (path, name) => (/^[\w$-]+$/.test(name) ? `${path}${path && '.'}${name}` : `${path}[${JSON.stringify(name)}]`);

export const isGroup = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
/** The members of what should have some. */
export const asGroup = (value) => (isGroup(value) ? value : {});
/** A member, by a name that may be any: what all objects have is none. */
export const memberOf = (value, name) => (isGroup(value) && Object.hasOwn(value, name) ? value[name] : undefined);
const put = (group, name, value) => Object.defineProperty(group, name, { value, writable: true, enumerable: true, configurable: true })[name];

/** A document without members that are null, which says the same. */
export function withoutNull(value) {
  if (Array.isArray(value)) return value.map(withoutNull);
  if (!isGroup(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null).map(([name, member]) => [name, withoutNull(member)]));
}

/** The same text for the same value, in whatever order its members are. */
const canonical = (value) => JSON.stringify(value, (_, member) => (isGroup(member) ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1))) : member));

/** All values, by the names that lead to them; lists are values as a whole. */
function* leaves(value, names = []) {
  const members = isGroup(value) ? Object.entries(value) : [];
  if (!members.length && names.length) yield [JSON.stringify(names), { names, value }];
  for (const [name, member] of members) yield* leaves(member, [...names, name]);
}

/**
 * What has become different.
 * @param {object} before @param {object} after
 * @returns {{names: string[], path: string, before: any, after: any}[]} undefined: it is not there
 */
export function changes(before, after) {
  const [was, is] = [new Map(leaves(before)), new Map(leaves(after))];
  return [...new Set([...was.keys(), ...is.keys()])]
    .map((key) => ({ names: (was.get(key) ?? is.get(key)).names, before: was.get(key)?.value, after: is.get(key)?.value }))
    .filter((one) => canonical(one.before) !== canonical(one.after))
    .map((one) => ({ ...one, path: one.names.reduce(within, '') }));
}

/** Takes out the member at a place. @param {object} group @param {string} path @param {string} [at] where the group is */
export function takeOut(group, path, at = '') {
  for (const [name, value] of Object.entries(group)) {
    const here = Array.isArray(group) ? `${at}[${name}]` : within(at, name);
    if (here === path) delete group[name];
    else if (value !== null && typeof value === 'object' && path.startsWith(here)) takeOut(value, path, here);
  }
}

/** Takes out a member, and what is empty without it. */
function without(group, [name, ...rest]) {
  if (!isGroup(group) || !Object.hasOwn(group, name)) return;
  if (rest.length) without(group[name], rest);
  if (!rest.length || (isGroup(group[name]) && !Object.keys(group[name]).length)) delete group[name];
}

/**
 * A document with changes that were made to another one.
 * @param {object} document @param {ReturnType<typeof changes>} changed
 */
export function withChanges(document, changed) {
  const result = structuredClone(document);
  // What went makes room first: a text for all becomes one for each language.
  for (const { names, after } of changed) if (after === undefined) without(result, names);
  for (const { names, after } of changed) {
    if (after === undefined) continue;
    const last = names.at(-1);
    const group = names.slice(0, -1).reduce((at, name) => put(at, name, asGroup(memberOf(at, name))), result);
    // Where the other one has more in it, an empty group says nothing.
    if (!(isGroup(after) && isGroup(memberOf(group, last)))) put(group, last, structuredClone(after));
  }
  return result;
}

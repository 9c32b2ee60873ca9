// Every text the page itself says, in the language of whoever reads it. One table for each language
// (text-….js), fetched when it is wanted; English is always there, for where another cannot be.

import english from './text-en.js';

/** The languages, by their own names. */
export const languages = Object.freeze({ en: 'English', 'zh-Hant': '繁體中文', 'zh-Hans': '简体中文', ja: '日本語' });

const tables = {
  en: () => ({ default: english }),
  'zh-Hant': () => import('./text-zh-hant.js'),
  'zh-Hans': () => import('./text-zh-hans.js'),
  ja: () => import('./text-ja.js'),
};

/** The texts in the language of the page. @type {typeof english} */
export const text = { ...english };

/** A text by a name that comes from outside: what all objects have is none. */
export const known = (table, name) => (Object.hasOwn(table, name) ? table[name] : undefined);

/** @type {(() => void)[]} */
const listeners = [];
/** @param {() => void} listener called when the page speaks another language */
export const onLanguage = (listener) => listeners.push(listener);

/**
 * The language of ours that suits these best.
 * @param {readonly string[]} wanted as browsers name them: en-GB, zh-TW, ja
 * @returns {keyof typeof languages}
 */
export function suitable(wanted) {
  for (const tag of wanted) {
    const [language, ...parts] = tag.toLowerCase().split('-');
    if (language === 'zh') {
      const hant = parts.includes('hant') || (!parts.includes('hans') && parts.some((part) => ['tw', 'hk', 'mo'].includes(part)));
      return hant ? 'zh-Hant' : 'zh-Hans';
    }
    if (language in languages) return language;
  }
  return 'en';
}

/**
 * Makes the page speak a language.
 * @param {keyof typeof languages} language
 * @returns {Promise<boolean>} whether its table could be had; if not, nothing changes
 */
export async function speak(language) {
  let table;
  try {
    table = (await tables[language]()).default;
  } catch {
    return false;
  }
  Object.assign(text, table);
  document.documentElement.lang = language;
  fillTexts(document);
  for (const listener of listeners) listener();
  return true;
}

/**
 * Fills the texts of the static page.
 * @param {ParentNode} root
 */
export function fillTexts(root) {
  for (const node of root.querySelectorAll('[data-text]')) node.textContent = text[node.dataset.text];
  for (const node of root.querySelectorAll('[data-label]')) node.setAttribute('aria-label', text[node.dataset.label]);
  for (const node of root.querySelectorAll('[data-hint]')) node.setAttribute('placeholder', text[node.dataset.hint]);
}

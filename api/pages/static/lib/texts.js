/** Texts in the reader's language: English, French or Spanish, whichever the browser would rather have. */

/**
 * One text in English, French and Spanish. `{name}` is filled in; `one|other` is chosen by `{n}`.
 * @typedef {[en: string, fr: string, es: string]} Text
 * @typedef {Record<string, Text>} Table
 */

const LANGUAGES = ["en", "fr", "es"];

/** The language in use. */
export const language = chosenLanguage();

/** @type {Table} */
const texts = {};

function chosenLanguage() {
  for (const wanted of navigator.languages ?? [navigator.language]) {
    const found = LANGUAGES.find((each) => wanted.toLowerCase().split("-")[0] === each);
    if (found) return found;
  }
  return "en";
}

/** The locale of numbers and times: the browser's own where it speaks the language in use. */
export const locale =
  (navigator.languages ?? []).find((each) => each.toLowerCase().split("-")[0] === language) ?? language;

const plural = new Intl.PluralRules(language);

/**
 * Adds a table. Pages add theirs when they are loaded.
 * @param {Table} table
 */
export function addTexts(table) {
  Object.assign(texts, table);
}

/**
 * A text by its key.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const entry = texts[key];
  if (!entry) throw new Error(`no text is called ${key}`);
  let text = entry[LANGUAGES.indexOf(language)] ?? entry[0];
  if ("n" in values && text.includes("|")) {
    const forms = text.split("|");
    text = (plural.select(Number(values.n)) === "one" ? forms[0] : forms[1]) ?? text;
  }
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/**
 * A text for a code of the API, or the code itself in words where there is none.
 * @param {string} prefix
 * @param {string} code
 */
export function named(prefix, code) {
  return `${prefix}.${code}` in texts ? t(`${prefix}.${code}`) : code.replaceAll("_", " ").toLowerCase();
}

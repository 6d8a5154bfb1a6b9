/** Builds elements without markup in strings, so that nothing a caller wrote is ever read as HTML. */

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, any>} Properties
 */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Keys of `properties`: `class`, `on…` for listeners, `data` for data attributes; `true` sets an empty
 * attribute, `null`, `undefined` and `false` set none.
 * @param {string} tag
 * @param {Properties | null} [properties]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(tag, properties, ...children) {
  return filled(document.createElement(tag), properties ?? {}, children);
}

/**
 * The same for SVG.
 * @param {string} tag
 * @param {Properties | null} [properties]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function svg(tag, properties, ...children) {
  return filled(document.createElementNS(SVG, tag), properties ?? {}, children);
}

/**
 * @param {Element} element
 * @param {Properties} properties
 * @param {(Child | Child[])[]} children
 */
function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.setAttribute("class", value);
    else if (name === "data") Object.assign(/** @type {HTMLElement} */ (element).dataset, value);
    else if (name === "value" && "value" in element) element.value = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, children);
  return element;
}

/**
 * Appends children, leaving out what is not there.
 * @param {Element} element
 * @param {(Child | Child[])[]} children
 */
export function add(element, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Replaces what an element holds.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
}

let lastId = 0;

/** @param {string} prefix */
export function newId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/**
 * Calls `run` once nothing has happened for `ms`; returns what to call when something does.
 * @template {any[]} A
 * @param {(...args: A) => void} run
 * @param {number} ms
 * @returns {(...args: A) => void}
 */
export function debounced(run, ms) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...args), ms);
  };
}

/** The page's language: the browser's, or the one chosen. */

import { WORDS } from "./words.js";
/** @import { Names } from "./types.js" */

/** @typedef {"en"|"zh"} Language */
/** @type {Set<() => void>} */
const listeners = new Set();
/** @type {Language} */
let language = remembered() ?? (navigator.languages.some((name) => /^zh/i.test(name)) && !/^en/i.test(navigator.language) ? "zh" : "en");

/** @returns {Language|null} */
function remembered() {
  const name = localStorage.getItem("impasto.language");
  return name === "zh" || name === "en" ? name : null;
}

/** @returns {Language} */
export const chosen = () => language;

/**
 * Return a sentence in the page's language; {name} is replaced.
 * @param {string} key
 * @param {Record<string, unknown>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const pair = WORDS[key];
  if (!pair) throw new Error(`there are no words for ${key}`);
  return pair[language === "zh" ? 1 : 0].replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** What a value of a setting is called, if it has a name. @param {string} key @returns {string|undefined} */
export const ti = (key) => WORDS[`value.${key}`]?.[language === "zh" ? 1 : 0];

/**
 * Return a pair of names in the page's language.
 * @param {Names|undefined} names
 * @param {string} [otherwise]
 */
export const named = (names, otherwise = "") => names?.[language] || names?.en || otherwise;

/** Whether the studio runs on the machine that shows the page. */
const IS_HERE = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname);

/** Say everything that index.html leaves open. @param {ParentNode} [root] */
export function translate(root = document) {
  for (const element of root.querySelectorAll("[data-t]")) {
    const key = (!IS_HERE && element.getAttribute("data-t-remote")) || element.getAttribute("data-t");
    element.textContent = t(key ?? "");
  }
  for (const element of root.querySelectorAll("[data-t-label]")) {
    const text = t(element.getAttribute("data-t-label") ?? "");
    element.setAttribute("aria-label", text);
    if (element instanceof HTMLButtonElement) element.title = text;
  }
  for (const element of root.querySelectorAll("[data-t-title]")) {
    element.setAttribute("title", t(element.getAttribute("data-t-title") ?? ""));
  }
}

/** Call back now and whenever the language changes. @param {() => void} listener */
export function whenLanguage(listener) {
  listeners.add(listener);
  listener();
}

/** @param {Language} name */
export function choose(name) {
  language = name;
  localStorage.setItem("impasto.language", name);
  apply();
}

export function apply() {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  translate();
  for (const listener of listeners) listener();
}

/** Making and finding elements. */

/**
 * Return the element of an id; a page without it is broken.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function the(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** @param {string} id @returns {HTMLButtonElement} */
export const button = (id) => /** @type {HTMLButtonElement} */ (the(id));

/** @param {string} id @returns {HTMLInputElement} */
export const input = (id) => /** @type {HTMLInputElement} */ (the(id));

/**
 * Make an element: attributes by name, `on` handlers as functions, children as nodes or text.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {(Node|string|null|undefined|false)[]} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  if (element instanceof HTMLButtonElement) element.type = "button";
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an icon of icons.svg.
 * @param {string} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/page/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Make a button that shows an icon and is called something.
 * @param {string} label
 * @param {string} picture
 * @param {() => void} act
 * @param {Record<string, unknown>} [attributes]
 */
export function iconButton(label, picture, act, attributes = {}) {
  return make("button", { class: "quiet bare", "aria-label": label, title: label, onclick: act, ...attributes }, icon(picture));
}

/** @param {HTMLElement} element @param {boolean} shown */
export function show(element, shown) {
  element.hidden = !shown;
}

/**
 * Make something that is seldom used, and has its words, when it is first wanted. What there is of it is `now`.
 * @template T
 * @param {() => Promise<T>} load
 * @returns {(() => Promise<T>) & {now: T|null}}
 */
export function later(load) {
  /** @type {Promise<T>|null} */
  let coming = null;
  /** @type {(() => Promise<T>) & {now: T|null}} */
  const ask = Object.assign(() => {
    coming ??= import("./words_later.js").then(load).then((made) => (ask.now = made));
    coming.catch(() => (coming = null));
    return coming;
  }, { now: null });
  return ask;
}

/**
 * Load a picture and wait until it can be drawn.
 * @param {string} url
 * @returns {Promise<HTMLImageElement>}
 */
export async function loadPicture(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

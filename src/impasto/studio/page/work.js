/**
 * What the person works on, its history, and what survives a reload.
 *
 * A work is never changed in place: every change makes a new one, so that undo is taking the one before.
 */

import { DEFAULTS } from "./settings.js";
/** @import { Look, Value, Work } from "./types.js" */


const LONGEST = 200;

/** @type {Work} */
let present = { photo: null, look: { styles: [], settings: {}, regions: [] }, refined: null };
/** @type {Work[]} */
let past = [];
/** @type {Work[]} */
let future = [];
/** The work before a slider was taken hold of. @type {Work|null} */
let held = null;
/** @type {Set<(how: {settled: boolean}) => void>} */
const listeners = new Set();

/** @returns {Work} */
export const work = () => present;

/** @param {(how: {settled: boolean}) => void} listener called after every change */
export const whenWork = (listener) => void listeners.add(listener);

/** @param {boolean} settled */
function tell(settled) {
  if (settled) remember();
  for (const listener of listeners) listener({ settled });
}

/**
 * Change the work. While a slider moves (`settled` false) no step of history is made; letting go makes one.
 * @param {Partial<Work>} change
 * @param {{settled?: boolean}} [how]
 */
export function change(change, { settled = true } = {}) {
  const next = { ...present, ...change };
  if (!settled) {
    held ??= present;
    present = next;
    return tell(false);
  }
  const before = held ?? present;
  held = null;
  present = next;
  if (JSON.stringify(before) !== JSON.stringify(next)) {
    past = [...past, before].slice(-LONGEST);
    future = [];
  }
  tell(true);
}

/**
 * Change the look. A refined picture is no longer the look's where more than light and grain changes.
 * @param {Partial<Look>} part
 * @param {{settled?: boolean, keepRefined?: boolean}} [how]
 */
export function changeLook(part, { settled = true, keepRefined = false } = {}) {
  change({ look: { ...present.look, ...part }, refined: keepRefined ? present.refined : null }, { settled });
}

/** @param {string} name @returns {Value} */
export const setting = (name) => present.look.settings[name] ?? DEFAULTS.get(name) ?? null;

export const canUndo = () => past.length > 0;
export const canRedo = () => future.length > 0;

export function undo() {
  const before = past.at(-1);
  if (!before) return;
  past = past.slice(0, -1);
  future = [...future, held ?? present];
  held = null;
  present = before;
  tell(true);
}

export function redo() {
  const after = future.at(-1);
  if (!after) return;
  future = future.slice(0, -1);
  past = [...past, present];
  present = after;
  tell(true);
}

function remember() {
  try {
    localStorage.setItem("impasto.work", JSON.stringify(present));
  } catch {
    // A full or forbidden storage costs the reload's memory and nothing else.
  }
}

/** @returns {Work|null} what was worked on before the page was loaded anew */
export function remembered() {
  try {
    const found = JSON.parse(localStorage.getItem("impasto.work") ?? "null");
    return found?.look?.styles ? found : null;
  } catch {
    return null;
  }
}

/** Begin with a work, without a step of history. @param {Work} start */
export function begin(start) {
  present = start;
  tell(true);
}

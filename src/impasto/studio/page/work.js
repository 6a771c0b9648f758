/**
 * What the person works on, its history, and what survives a reload.
 *
 * A work is never changed in place: every change makes a new one, so that undo is taking the one before.
 */

import { DEFAULTS } from "./settings.js";
/** @import { Look, Value, Work } from "./types.js" */


const LONGEST = 200;

/** @type {Work} */
const NOTHING = { photo: null, look: { styles: [], settings: {}, regions: [] }, refined: null };
let present = NOTHING;
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

/** What is on its way to become a step of history, which undo takes back once it is there. @type {Set<Promise<unknown>>} */
export const underway = new Set();

export async function undo() {
  await Promise.allSettled(underway);
  const before = past.at(-1);
  if (!before) return;
  past = past.slice(0, -1);
  future = [...future, held ?? present];
  held = null;
  present = before;
  tell(true);
}

export async function redo() {
  await Promise.allSettled(underway);
  const after = future.at(-1);
  if (!after) return;
  future = future.slice(0, -1);
  past = [...past, present];
  present = after;
  tell(true);
}

/**
 * Bring history to what the server still has: each work is changed, or left out where there is none.
 * @param {(work: Work) => Work|null} mend
 */
export function mendHistory(mend) {
  const mended = (/** @type {Work[]} */ works) => works.flatMap((each) => mend(each) ?? []);
  [past, future] = [mended(past), mended(future)];
  const before = present;
  present = mend(present) ?? past.pop() ?? NOTHING;
  held = null;
  if (present !== before) tell(true);
}

function remember() {
  for (const storage of [sessionStorage, localStorage]) {
    try {
      storage.setItem("impasto.work", JSON.stringify(present));
    } catch {
      // A full or forbidden storage costs the reload's memory and nothing else.
    }
  }
}

/** @returns {Work|null} what was worked on before the page was loaded anew, or in the browser's latest page */
export function remembered() {
  try {
    const found = JSON.parse(sessionStorage.getItem("impasto.work") ?? localStorage.getItem("impasto.work") ?? "null");
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

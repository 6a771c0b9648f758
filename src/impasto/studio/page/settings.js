/** The settings that the server offers, and which of them the page draws by itself. */

/** @import { Control, Look, Value } from "./types.js" */

/** @type {Map<string, Control>} */
export const CONTROLS = new Map();
/** @type {Map<string, Value>} */
export const DEFAULTS = new Map();
/** What is done to the finished picture: the page previews it, and a refined picture keeps it changeable. */
export const FINISH = ["exposure", "contrast", "saturation", "film_grain"];

/** @param {Control[]} controls */
export function offer(controls) {
  for (const control of controls) {
    CONTROLS.set(control.name, control);
    DEFAULTS.set(control.name, control.default);
  }
}

/**
 * Return a look without its finish, or without other settings.
 * @param {Look} look
 * @param {string[]} [names]
 * @returns {Look}
 */
export function without(look, names = FINISH) {
  const settings = Object.fromEntries(Object.entries(look.settings).filter(([name]) => !names.includes(name)));
  return { ...look, settings };
}

/** @param {Look} look @returns {boolean} whether the finish changes nothing */
export const isPlain = (look) => FINISH.every((name) => !look.settings[name]);

/**
 * Return settings with one more; what is at its default is left out, so that equal looks are equal text.
 * @param {Record<string, Value>} settings
 * @param {string} name
 * @param {Value} value
 */
export function withSetting(settings, name, value) {
  const next = { ...settings };
  delete next[name];
  if (value !== DEFAULTS.get(name)) next[name] = value;
  return Object.fromEntries(Object.entries(next).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** A row for a setting: its name, its value, a slider, buttons or a switch. Made from what the server offers. */

import { iconButton, make } from "./elements.js";
import { named, t, ti } from "./language.js";
import { CONTROLS, DEFAULTS, FINISH, withSetting } from "./settings.js";
import { changeLook, setting, whenWork, work } from "./work.js";
/** @import { Control, Value } from "./types.js" */


/** What stands above "Finer". */
export const FIRST = ["strength", "colors", "saturation"];
/** @type {Map<HTMLElement, () => void>} */
const rows = new Map();
whenWork(() => {
  for (const [row, sync] of rows) row.isConnected ? sync() : rows.delete(row);
});

/** @param {string} name @param {Value} value @param {boolean} settled */
function set(name, value, settled) {
  const { look } = work();
  changeLook({ settings: withSetting(look.settings, name, value) }, { settled, keepRefined: FINISH.includes(name) });
}

/**
 * Make the row of a setting, or nothing if the server does not offer it.
 * @param {string} name
 * @returns {HTMLElement|null}
 */
export function row(name) {
  const control = CONTROLS.get(name);
  if (!control) return null;
  const kinds = { number: isWide(control) ? figureRow : numberRow, choice: choiceRow, flag: flagRow };
  return kinds[control.kind]?.(control) ?? null;
}

/** @param {Control} control @returns {boolean} whether its range is too wide for a slider */
const isWide = ({ least, most, step }) => step === null || most - least > 1000 * step;

/** @param {Control} control @param {() => void} act */
function resetButton(control, act) {
  const label = t("reset", { name: named(control.labels, control.name) });
  return iconButton(label, "reset", act, { class: "quiet bare reset" });
}

/** @param {Control} control @param {number} value */
function written(control, value) {
  const step = control.step ?? 0.01;
  const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
  const sign = control.least < 0 && value > 0 ? "+" : "";
  return sign + value.toFixed(digits).replace("-", "−");
}

/**
 * Make a slider: the part between its zero and its value is filled.
 * @param {{id: string, label: string, least: number, most: number, step: number, help?: string}} how
 * @returns {HTMLInputElement}
 */
export function slider({ id, label, least, most, step, help }) {
  const range = /** @type {HTMLInputElement} */ (make("input", { type: "range", id, min: least, max: most, step, "aria-label": label, title: help }));
  range.addEventListener("input", () => fill(range));
  return range;
}

/** Draw the filled part of a slider. @param {HTMLInputElement} range */
export function fill(range) {
  const [least, most] = [Number(range.min), Number(range.max)];
  const share = (/** @type {number} */ value) => `${((value - least) / (most - least)) * 100}%`;
  const zero = least < 0 ? 0 : least;
  range.style.setProperty("--from", share(Math.min(zero, Number(range.value))));
  range.style.setProperty("--to", share(Math.max(zero, Number(range.value))));
}

/** @param {Control} control */
function numberRow(control) {
  const label = named(control.labels, control.name);
  const range = slider({ id: `set-${control.name}`, label, least: control.least, most: control.most, step: control.step ?? 0.01, help: named(control.helps) });
  const value = make("output", { for: range.id });
  const reset = resetButton(control, () => (set(control.name, DEFAULTS.get(control.name) ?? null, true), range.focus()));
  const element = make("div", { class: "row setting", "data-setting": control.name, title: named(control.helps) }, make("span", { class: "label", "aria-hidden": "true" }, label), reset, value, range);
  range.addEventListener("input", () => set(control.name, Number(range.value), false));
  range.addEventListener("change", () => set(control.name, Number(range.value), true));
  range.addEventListener("dblclick", () => set(control.name, DEFAULTS.get(control.name) ?? null, true));
  const sync = () => {
    const now = setting(control.name);
    range.value = String(now ?? (control.least + control.most) / 2);
    value.textContent = now === null ? t("automatic") : written(control, Number(now));
    range.setAttribute("aria-valuetext", value.textContent);
    reset.hidden = now === DEFAULTS.get(control.name);
    fill(range);
  };
  rows.set(element, sync);
  sync();
  return element;
}

/** @param {Control} control @param {string} value @returns {string} what a choice is called */
const choiceName = (control, value) => ti(`${control.name}.${value}`) ?? value;

/** A figure to type; nothing typed is the default. @param {Control} control */
function figureRow(control) {
  const label = named(control.labels, control.name);
  const figure = /** @type {HTMLInputElement} */ (make("input", { type: "number", id: `set-${control.name}`, min: control.least, max: control.most, step: control.step ?? "any", placeholder: t("automatic") }));
  const element = make("div", { class: "row choice", "data-setting": control.name, title: named(control.helps) }, make("label", { for: figure.id }, label), figure);
  figure.addEventListener("change", () => {
    if (figure.reportValidity()) set(control.name, figure.value === "" ? control.default : figure.valueAsNumber, true);
  });
  const sync = () => void (figure.value = String(setting(control.name) ?? ""));
  rows.set(element, sync);
  sync();
  return element;
}

/** @param {Control} control */
function choiceRow(control) {
  const label = named(control.labels, control.name);
  const select = /** @type {HTMLSelectElement} */ (make("select", { id: `set-${control.name}` }, ...control.choices.map((value) => make("option", { value }, choiceName(control, value)))));
  const element = make("div", { class: "row choice", "data-setting": control.name, title: named(control.helps) }, make("label", { for: select.id }, label), select);
  select.addEventListener("change", () => set(control.name, select.value, true));
  const sync = () => void (select.value = String(setting(control.name)));
  rows.set(element, sync);
  sync();
  return element;
}

/** @param {Control} control */
function flagRow(control) {
  const label = named(control.labels, control.name);
  const box = /** @type {HTMLInputElement} */ (make("input", { type: "checkbox", role: "switch", id: `set-${control.name}` }));
  const element = make("div", { class: "row flag", "data-setting": control.name, title: named(control.helps) }, make("label", { for: box.id }, label), box);
  box.addEventListener("change", () => set(control.name, box.checked, true));
  const sync = () => void (box.checked = Boolean(setting(control.name)));
  rows.set(element, sync);
  sync();
  return element;
}

/**
 * Make the rows of the settings of a group that were not made elsewhere.
 * @param {string[]} groups
 * @param {string[]} except
 */
export function rowsOf(groups, except) {
  return [...CONTROLS.values()].filter(({ group, name }) => groups.includes(group) && !except.includes(name)).map(({ name }) => row(name));
}

/** What is behind "Finer": refining, blends, parts, light and grain, strokes, and the expert's settings. */

import { FIRST, fill, row, rowsOf, slider } from "./controls.js";
import { icon, make, the } from "./elements.js";
import { blend, blending, chooseSlot, styleName } from "./gallery.js";
import { t, whenLanguage } from "./language.js";
import { isPainted, screen } from "./painting.js";
import { changeLook, whenWork, work } from "./work.js";

const LIGHT = ["exposure", "contrast", "film_grain"];
const ELSEWHERE = [...FIRST, ...LIGHT, "background", "subject", "refine", "method"];
const SIDES = [384, 512, 768, 1024];

/**
 * What the panel can do beyond settings.
 * @typedef {{refine: (rounds: number) => void, stop: () => void, editMask: () => void, findSubject: () => void,
 *   removeMask: () => void, screenSize: (side: number) => void}} Acts
 */

/** @type {Acts} */
let acts;
let rounds = 40;

/** Build the panel, once. @param {Acts} given */
export function openFiner(given) {
  acts = given;
  whenLanguage(build);
  whenWork(({ settled }) => settled && sync());
}

/** @param {string} title @param {string} name @param {...(Node|null|undefined|false)} children */
const section = (title, name, ...children) => make("section", { class: "section", "data-section": name, "aria-label": title }, make("h2", {}, title), ...children);

function build() {
  const expert = rowsOf(["expert", "style", "color", "strokes", "adjust"], [...ELSEWHERE, "stroke_size", "grain"]);
  /** @type {(HTMLElement|null)[]} */
  const sections = [
    section(t("refine"), "refine", make("p", { class: "fine" }, t("refineHelp")), make("div", { id: "refine-box" })),
    LIGHT.map(row).some(Boolean) ? section(t("light"), "light", ...LIGHT.map(row)) : null,
    section(t("blend"), "blend", make("p", { class: "fine" }, t("blendHelp")), make("div", { id: "blend-box" })),
    section(t("parts"), "parts", make("p", { class: "fine" }, t("partsHelp")), make("div", { id: "parts-box" })),
    section(t("strokes"), "strokes", row("stroke_size"), row("grain"), screenRow()),
    expert.length ? make("details", { class: "section", "data-section": "expert" }, make("summary", {}, make("span", {}, t("expert")), icon("chevron")), ...expert) : null,
  ];
  the("finer").replaceChildren(...sections.filter((each) => each !== null));
  showRefine(null);
  sync();
}

function screenRow() {
  const select = /** @type {HTMLSelectElement} */ (make("select", { id: "screen-size" }, ...SIDES.map((side) => make("option", { value: side }, t("pixels", { n: side })))));
  select.value = String(screen.side);
  select.addEventListener("change", () => acts.screenSize(Number(select.value)));
  return make("div", { class: "row choice", title: t("screenSizeHelp") }, make("label", { for: "screen-size" }, t("screenSize")), select);
}

/** @typedef {{iteration: number, iterations: number, left: string, losses: {style: number, content: number}[]}} Progress */

/** Show the button that begins, or how far it is. @param {Progress|null} progress */
export function showRefine(progress) {
  const box = document.getElementById("refine-box");
  if (!box) return;
  if (!progress) {
    const select = /** @type {HTMLSelectElement} */ (make("select", { id: "rounds", "aria-label": t("rounds") }, ...[20, 40, 80, 160].map((n) => make("option", { value: n }, String(n)))));
    select.value = String(rounds);
    select.addEventListener("change", () => (rounds = Number(select.value)));
    const begin = make("button", { class: "plain", id: "refine-begin", onclick: () => acts.refine(rounds) }, icon("refine"), make("span", {}, t("refine")));
    box.replaceChildren(make("div", { class: "row choice" }, make("label", { for: "rounds" }, t("rounds")), select), begin);
    return sync();
  }
  if (!box.querySelector("progress")) {
    box.replaceChildren(
      make("progress", { id: "refine-progress", max: progress.iterations, "aria-label": t("busyRefining") }),
      make("p", { class: "fine figures", id: "refine-figures" }),
      make("div", { id: "refine-losses", role: "img", "aria-label": t("losses") }),
      make("button", { class: "plain", id: "refine-stop", onclick: () => acts.stop() }, icon("stop"), make("span", {}, t("stop"))),
    );
  }
  /** @type {HTMLProgressElement} */ (the("refine-progress")).value = progress.iteration;
  the("refine-figures").textContent = [t("refineStep", progress), progress.left].filter(Boolean).join(" · ");
  drawLosses(progress.losses);
}

/** @param {{style: number, content: number}[]} losses */
function drawLosses(losses) {
  const box = the("refine-losses");
  const SVG = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 36");
  svg.setAttribute("preserveAspectRatio", "none");
  const last = losses.at(-1);
  const legend = make("p", { class: "fine legend" });
  for (const [name, words] of /** @type {["style"|"content", string][]} */ ([["style", "lossStyle"], ["content", "lossContent"]])) {
    const values = losses.map((each) => each[name]).filter((value) => Number.isFinite(value));
    if (!values.length || !last) continue;
    const most = Math.max(...values, 1e-12);
    const line = document.createElementNS(SVG, "polyline");
    line.setAttribute("class", name);
    line.setAttribute("points", values.map((value, index) => `${(index / Math.max(1, values.length - 1)) * 100},${34 - (value / most) * 32}`).join(" "));
    svg.append(line);
    legend.append(make("span", { class: name }, `${t(words)} ${last[name].toPrecision(3)}`));
  }
  box.replaceChildren(svg, legend);
}

/** Show what is blended, and which part is selected. */
function sync() {
  if (!document.getElementById("blend-box")) return;
  syncBlend();
  syncParts();
  const begin = document.getElementById("refine-begin");
  if (begin instanceof HTMLButtonElement) begin.disabled = !isPainted(work());
}

function syncBlend() {
  const box = the("blend-box");
  const { styles, regions, settings } = work().look;
  const unseen = regions.length > 0 && settings.background === "photo";
  if (!unseen && box.contains(document.activeElement) && box.querySelector("input") && styles.length > 1) return shareOf(box, styles[1]?.weight ?? 0.5);
  const on = blending();
  const toggle = make("button", { class: "plain", id: "blend-toggle", "aria-pressed": String(on), disabled: !styles.length, onclick: () => (blend(!on), sync(), document.getElementById("blend-toggle")?.focus()) }, t(on ? "blendOff" : "blendOn"));
  if (!on || styles.length < 2) return box.replaceChildren(toggle);
  const range = slider({ id: "blend-share", label: t("blendShare"), least: 0, most: 100, step: 1 });
  const set = (/** @type {boolean} */ settled) => {
    const share = Number(range.value) / 100;
    changeLook({ styles: work().look.styles.map((style, index) => ({ ...style, weight: index === 0 ? round(1 - share) : index === 1 ? share : style.weight })) }, { settled });
  };
  range.addEventListener("input", () => set(false));
  range.addEventListener("change", () => set(true));
  range.disabled = unseen;
  const hint = unseen ? make("p", { class: "fine" }, t("blendUnseen")) : "";
  box.replaceChildren(make("div", { class: "row ends" }, make("span", {}, styleName(styles[0]?.id)), make("span", {}, styleName(styles[1]?.id))), range, hint, toggle);
  shareOf(box, styles[1]?.weight ?? 0.5);
}

/** @param {number} value */
const round = (value) => Math.round(value * 100) / 100;

/** @param {HTMLElement} box @param {number} share */
function shareOf(box, share) {
  const range = box.querySelector("input");
  if (!range) return;
  range.value = String(Math.round(share * 100));
  range.setAttribute("aria-valuetext", `${range.value} %`);
  fill(range);
}

function syncParts() {
  const box = the("parts-box");
  const { photo, look } = work();
  const act = (/** @type {string} */ id, /** @type {string} */ words, /** @type {string} */ picture, /** @type {() => void} */ run) =>
    make("button", { class: "plain", id, disabled: !photo, onclick: run }, icon(picture), make("span", {}, t(words)));
  const region = look.regions[0];
  if (!region) {
    return box.replaceChildren(make("div", { class: "row pair" }, act("find-subject", "findSubject", "subject", acts.findSubject), act("paint-part", "paintPart", "brush", acts.editMask)));
  }
  const side = (/** @type {"inside"|"main"} */ slot, /** @type {string} */ words, /** @type {string|null|undefined} */ style) =>
    make("button", { class: "side", onclick: () => chooseSlot(slot) }, make("span", {}, t(words)), make("small", {}, styleName(style)));
  const outside = look.settings.background === "photo" ? null : look.styles[0]?.id;
  box.replaceChildren(
    make("div", { class: "row pair" }, side("inside", "slotInside", region.style), side("main", "slotOutside", outside)),
    make("div", { class: "row pair" }, act("edit-part", "editPart", "brush", acts.editMask), act("remove-part", "removePart", "trash", acts.removeMask)),
  );
}

/** The keyboard: everything has a key, and the keys can be seen. */

import { dialogOpen } from "./dialogs.js";
import { button, later } from "./elements.js";
import { neighbor } from "./gallery.js";
import { trouble } from "./notices.js";
import { redo, undo } from "./work.js";
/** @import { MaskEditor } from "./mask.js" */
/** @import { Viewer } from "./viewer.js" */

const shortcuts = later(() => import("./shortcuts.js"));
const showKeys = () => void shortcuts().then((list) => list.showKeys(), trouble);

/** How far an arrow moves the zoomed picture, in pixels of the screen. */
const WAYS = { ArrowLeft: { x: 60, y: 0 }, ArrowRight: { x: -60, y: 0 }, ArrowUp: { x: 0, y: 60 }, ArrowDown: { x: 0, y: -60 } };

/**
 * @param {Viewer} viewer
 * @param {{now: MaskEditor|null}} mask
 * @param {{brush: () => void, refine: () => void, film: () => void}} acts
 */
export function listenToKeys(viewer, mask, acts) {
  const editor = () => (mask.now?.active ? mask.now : null);
  /** @type {Record<string, () => void>} */
  const keys = {
    o: () => button("open").click(),
    c: () => viewer.compare(!viewer.comparing),
    d: () => button("download").click(),
    v: acts.film,
    w: () => button("camera").click(),
    r: acts.refine,
    b: () => (editor() ? editor()?.choose("brush") : acts.brush()),
    e: () => editor()?.choose("eraser"),
    "[": () => editor()?.resize(1 / 1.2),
    "]": () => editor()?.resize(1.2),
    "+": () => viewer.zoomTo(viewer.zoom * 1.5),
    "=": () => viewer.zoomTo(viewer.zoom * 1.5),
    "-": () => viewer.zoomTo(viewer.zoom / 1.5),
    "0": () => viewer.zoomTo(1),
    "?": showKeys,
    Escape: () => editor()?.close(),
    ArrowLeft: () => neighbor(-1),
    ArrowRight: () => neighbor(1),
  };
  document.addEventListener("keydown", (event) => {
    if (dialogOpen()) return;
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === "z" && !isText(event.target)) {
      event.preventDefault();
      return event.shiftKey ? redo() : undo();
    }
    if (command && event.key.toLowerCase() === "y" && !isText(event.target)) return event.preventDefault(), redo();
    if (command || event.altKey || isText(event.target)) return;
    if (event.target instanceof HTMLSelectElement && event.key.length === 1) return;
    if (event.key === " " && !isOperable(event.target)) return event.preventDefault(), viewer.hold(true);
    if (event.key.startsWith("Arrow") && (isOperable(event.target) || document.activeElement?.closest("[role=slider]"))) return;
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act) event.preventDefault(), act();
  });
  listenToPan(viewer);
  document.addEventListener("keyup", (event) => event.key === " " && !isOperable(event.target) && viewer.hold(false));
  window.addEventListener("blur", () => viewer.hold(false));
  button("help").addEventListener("click", showKeys);
}

/** Shift and an arrow move the zoomed picture; heard before a style takes the arrow for itself. @param {Viewer} viewer */
function listenToPan(viewer) {
  const pan = (/** @type {KeyboardEvent} */ event) => {
    const way = WAYS[/** @type {keyof typeof WAYS} */ (event.key)];
    if (!way || !event.shiftKey || viewer.zoom === 1 || dialogOpen() || takesArrows(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    viewer.pan(way.x, way.y);
  };
  document.addEventListener("keydown", pan, { capture: true });
}

/** @param {EventTarget|null} target */
const isText = (target) => target instanceof HTMLInputElement && !["range", "checkbox", "radio"].includes(target.type);

/** @param {EventTarget|null} target @returns {boolean} whether it uses the keys itself */
const isOperable = (target) => target instanceof Element && Boolean(target.closest("button, input, select, summary, a, [role=slider]"));

/** @param {EventTarget|null} target */
const takesArrows = (target) => target instanceof Element && Boolean(target.closest("input, select, [role=slider]"));

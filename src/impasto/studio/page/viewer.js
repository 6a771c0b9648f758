/** The wall that the picture hangs on: fitting, zooming, moving, holding to see the photo, before and after. */

import { PictureCanvas } from "./canvas.js";
import { button, show, the } from "./elements.js";
import { t, whenLanguage } from "./language.js";
/** @import { Scene } from "./canvas.js" */

/**
 * What a tool does with one finger or the mouse; x and y are shares of the picture, 0 to 1.
 * @typedef {{down: (x: number, y: number, event: PointerEvent) => void, move: (x: number, y: number, event: PointerEvent) => void,
 *   up: () => void, cancel: () => void, hover: (event: PointerEvent|null) => void}} Tool
 */

const MOST_ZOOM = 8;
const HOLD_AFTER = 160;

export class Viewer {
  constructor() {
    this.wall = the("wall");
    this.board = the("board");
    this.picture = new PictureCanvas(/** @type {HTMLCanvasElement} */ (the("picture")));
    this.splitter = the("split");
    /** @type {Tool|null} */
    this.tool = null;
    this.zoom = 1;
    this.left = 0;
    this.top = 0;
    this.fit = { width: 1, height: 1 };
    this.share = 0.5;
    this.comparing = false;
    this.panning = false;
    /** @type {Map<number, {x: number, y: number}>} */
    this.fingers = new Map();
    /** @type {number|undefined} */
    this.holdTimer = undefined;
    this.moved = false;
    new ResizeObserver(() => this.layOut()).observe(this.wall);
    this.#listen();
    whenLanguage(() => this.#nameZoom());
  }

  #listen() {
    const { wall } = this;
    wall.addEventListener("pointerdown", (event) => this.#down(event));
    wall.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      wall.addEventListener(name, (event) => this.#up(/** @type {PointerEvent} */ (event), name === "pointercancel"));
    }
    wall.addEventListener("pointerleave", () => this.tool?.hover(null));
    wall.addEventListener("contextmenu", (event) => event.preventDefault());
    wall.addEventListener("dblclick", (event) => {
      if (!this.tool && this.zoom > 1) this.zoomTo(1);
      else if (!this.tool) this.zoomTo(2.5, event.clientX, event.clientY);
    });
    const wheel = (/** @type {WheelEvent} */ event) => {
      event.preventDefault();
      this.zoomTo(this.zoom * Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0022)), event.clientX, event.clientY);
    };
    wall.addEventListener("wheel", wheel, { passive: false });
    this.#listenToTools();
  }

  #listenToTools() {
    const hold = button("hold");
    hold.addEventListener("pointerdown", (event) => {
      hold.setPointerCapture(event.pointerId);
      this.hold(true);
    });
    for (const name of ["pointerup", "pointercancel", "blur"]) hold.addEventListener(name, () => this.hold(false));
    hold.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") this.hold(true), event.preventDefault();
    });
    hold.addEventListener("keyup", () => this.hold(false));
    button("compare").addEventListener("click", () => this.compare(!this.comparing));
    button("zoom-in").addEventListener("click", () => this.zoomTo(this.zoom * 1.5));
    button("zoom-out").addEventListener("click", () => this.zoomTo(this.zoom / 1.5));
    button("zoom-fit").addEventListener("click", () => this.zoomTo(1));
    this.splitter.addEventListener("pointerdown", (event) => {
      this.splitter.setPointerCapture(event.pointerId);
      event.stopPropagation();
    });
    this.splitter.addEventListener("pointermove", (event) => {
      if (this.splitter.hasPointerCapture(event.pointerId)) this.splitAt(this.#place(event).x);
    });
    this.splitter.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };
      const step = steps[/** @type {keyof typeof steps} */ (event.key)];
      if (step) this.splitAt(this.share + step), event.preventDefault(), event.stopPropagation();
    });
    whenLanguage(() => this.splitter.setAttribute("aria-valuetext", `${Math.round(this.share * 100)} %`));
  }

  /** @param {Scene|null} scene */
  show(scene) {
    const first = this.board.hidden;
    show(this.board, Boolean(scene));
    show(the("tools"), Boolean(scene));
    if (!scene) return show(this.splitter, false);
    const { width, height } = this.picture.canvas;
    this.picture.show(scene);
    if (first || width !== this.picture.canvas.width || height !== this.picture.canvas.height) this.layOut();
  }

  /** Fit the picture to the wall, as far as the zoom asks for no more. */
  layOut() {
    const { clientWidth, clientHeight } = this.wall;
    const { width, height } = this.picture.canvas;
    const style = getComputedStyle(this.wall);
    const room = {
      width: clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight),
      height: clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom),
    };
    const scale = Math.min(room.width / width, room.height / height);
    this.fit = { width: Math.max(1, width * scale), height: Math.max(1, height * scale) };
    this.origin = {
      x: parseFloat(style.paddingLeft) + (room.width - this.fit.width) / 2,
      y: parseFloat(style.paddingTop) + (room.height - this.fit.height) / 2,
    };
    this.#hang();
  }

  #hang() {
    const { board, fit, zoom } = this;
    const origin = this.origin ?? { x: 0, y: 0 };
    const slack = { x: (fit.width * (zoom - 1)) / 2 + 40 * (zoom > 1 ? 1 : 0), y: (fit.height * (zoom - 1)) / 2 + 40 * (zoom > 1 ? 1 : 0) };
    this.left = Math.min(slack.x, Math.max(-slack.x, this.left));
    this.top = Math.min(slack.y, Math.max(-slack.y, this.top));
    board.style.width = `${fit.width}px`;
    board.style.height = `${fit.height}px`;
    board.style.transform = `translate(${origin.x + this.left}px, ${origin.y + this.top}px) scale(${zoom})`;
    this.#nameZoom();
    this.#placeSplit();
  }

  #nameZoom() {
    const percent = `${Math.round(this.zoom * 100)}%`;
    button("zoom-fit").textContent = percent;
    button("zoom-fit").setAttribute("aria-label", `${percent}, ${t("zoomFit")}`);
  }

  #placeSplit() {
    const visible = this.comparing && !this.board.hidden;
    show(this.splitter, visible);
    if (!visible) return;
    const board = this.board.getBoundingClientRect();
    const wall = this.wall.getBoundingClientRect();
    const top = Math.max(board.top, wall.top);
    this.splitter.style.left = `${board.left - wall.left + this.share * board.width}px`;
    this.splitter.style.top = `${top - wall.top}px`;
    this.splitter.style.height = `${Math.min(board.bottom, wall.bottom) - top}px`;
    this.splitter.setAttribute("aria-valuenow", String(Math.round(this.share * 100)));
    this.splitter.setAttribute("aria-valuetext", `${Math.round(this.share * 100)} %`);
  }

  /**
   * Zoom, keeping a point of the screen where it is.
   * @param {number} zoom
   * @param {number} [x]
   * @param {number} [y]
   */
  zoomTo(zoom, x, y) {
    const next = Math.min(MOST_ZOOM, Math.max(1, zoom));
    const board = this.board.getBoundingClientRect();
    const center = { x: board.left + board.width / 2, y: board.top + board.height / 2 };
    const ratio = next / this.zoom;
    this.left += ((x ?? center.x) - center.x) * (1 - ratio);
    this.top += ((y ?? center.y) - center.y) * (1 - ratio);
    this.zoom = next;
    if (next === 1) this.left = this.top = 0;
    this.#hang();
  }

  /** @param {boolean} on whether the photo is seen instead */
  hold(on) {
    this.picture.plain = on;
    show(the("seen"), on && !this.board.hidden);
    button("hold").setAttribute("aria-pressed", String(on));
    this.picture.draw();
  }

  /** @param {boolean} on */
  compare(on) {
    this.comparing = on;
    this.picture.split = on ? this.share : 0;
    button("compare").setAttribute("aria-pressed", String(on));
    this.picture.draw();
    this.#placeSplit();
  }

  /** @param {number} share */
  splitAt(share) {
    this.share = Math.min(1, Math.max(0, share));
    this.picture.split = this.comparing ? this.share : 0;
    this.picture.draw();
    this.#placeSplit();
  }

  /** @param {PointerEvent} event */
  #place(event) {
    const board = this.board.getBoundingClientRect();
    return { x: (event.clientX - board.left) / board.width, y: (event.clientY - board.top) / board.height };
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (this.board.hidden || (event.target instanceof Element && event.target.closest("#split"))) return;
    this.wall.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.moved = false;
    clearTimeout(this.holdTimer);
    if (this.fingers.size === 2) {
      this.tool?.cancel();
      this.hold(false);
      return;
    }
    if (this.fingers.size > 2) return;
    this.panning = !this.tool || event.button === 1;
    const { x, y } = this.#place(event);
    if (!this.panning) return this.tool?.down(x, y, event);
    if (!this.tool && event.button === 0) this.holdTimer = window.setTimeout(() => this.hold(true), HOLD_AFTER);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const finger = this.fingers.get(event.pointerId);
    this.tool?.hover(event);
    if (!finger) return;
    const from = { ...finger };
    finger.x = event.clientX;
    finger.y = event.clientY;
    if (this.fingers.size === 2) return this.#pinch(event.pointerId, from);
    if (this.fingers.size > 2) return;
    const { x, y } = this.#place(event);
    if (!this.panning) return this.tool?.move(x, y, event);
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (this.zoom > 1 && Math.hypot(dx, dy) > 0 && !this.picture.plain) {
      this.moved = true;
      clearTimeout(this.holdTimer);
      this.pan(dx, dy);
    }
  }

  /** Move the zoomed picture. @param {number} x @param {number} y in pixels of the screen */
  pan(x, y) {
    this.left += x;
    this.top += y;
    this.#hang();
  }

  /** @param {number} moving @param {{x: number, y: number}} from */
  #pinch(moving, from) {
    const entries = [...this.fingers.entries()];
    const other = entries.find(([id]) => id !== moving)?.[1];
    const now = this.fingers.get(moving);
    if (!other || !now) return;
    const before = Math.hypot(from.x - other.x, from.y - other.y);
    const after = Math.hypot(now.x - other.x, now.y - other.y);
    this.left += (now.x - from.x) / 2;
    this.top += (now.y - from.y) / 2;
    this.zoomTo(this.zoom * (before > 0 ? after / before : 1), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }

  /** @param {PointerEvent} event @param {boolean} canceled */
  #up(event, canceled) {
    if (!this.fingers.delete(event.pointerId)) return;
    clearTimeout(this.holdTimer);
    this.hold(false);
    if (this.fingers.size) return;
    if (!this.panning) canceled ? this.tool?.cancel() : this.tool?.up();
  }

  /** Say what the picture shows. @param {string} text */
  describe(text) {
    this.picture.canvas.setAttribute("aria-label", text || t("pickStyle"));
  }
}

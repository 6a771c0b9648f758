/** Selecting a part of the picture: brush, eraser, soft edge, the subject by a click and taps. */

import { get, send } from "./api.js";
import { fill, slider } from "./controls.js";
import { iconButton, loadPicture, make, show, the } from "./elements.js";
import { activeSlot, chooseSlot } from "./gallery.js";
import { t, whenLanguage } from "./language.js";
import { busy, trouble } from "./notices.js";
import { withSetting } from "./settings.js";
import { grayOf, inverted, isEmpty } from "./ink.js";
import { changeLook, underway, whenWork, work } from "./work.js";
/** @import { Tool, Viewer } from "./viewer.js" */

const LONGEST = 1024;
/** @typedef {{add: [number, number][], remove: [number, number][]}} Taps */

export class MaskEditor {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.overlay = /** @type {HTMLCanvasElement} */ (the("overlay"));
    this.ink = document.createElement("canvas");
    this.pen = /** @type {CanvasRenderingContext2D} */ (this.ink.getContext("2d", { willReadFrequently: true }));
    /** @type {"brush"|"eraser"|"add"|"remove"} */
    this.mode = "brush";
    this.size = 48;
    this.feather = 8;
    /** @type {Taps} */
    this.taps = { add: [], remove: [] };
    /** @type {string|null|undefined} the mask that the ink is; undefined where the ink is nothing of this photo */
    this.shown = undefined;
    /** @type {string|null} the photo that the ink is for */
    this.photo = null;
    this.loads = 0;
    this.active = false;
    /** @type {{x: number, y: number}|null} */
    this.last = null;
    /** @type {ImageData|null} */
    this.before = null;
    /** What is done to the part, one after the other, so that history has it in order. @type {Promise<unknown>} */
    this.sending = Promise.resolve();
    /** How often the subject was asked for. */
    this.asks = 0;
    whenLanguage(() => this.#buildTools());
    whenWork(({ settled }) => {
      if (settled && this.active) void (work().photo?.photo === this.photo ? this.#follow() : this.open());
    });
  }

  /** Begin, with the mask that there is, or an empty one; there is nothing to draw with before its ink is there. */
  async open() {
    const { photo } = work();
    if (!photo) return;
    this.active = true;
    this.viewer.compare(false);
    const scale = Math.min(1, LONGEST / Math.max(photo.width, photo.height));
    const [width, height] = [Math.max(1, Math.round(photo.width * scale)), Math.max(1, Math.round(photo.height * scale))];
    if (this.photo !== photo.photo || this.ink.width !== width || this.ink.height !== height) {
      [this.ink.width, this.ink.height] = [width, height];
      this.photo = photo.photo;
      this.shown = undefined;
    }
    await this.#follow();
    if (!this.active) return;
    this.viewer.tool = this.#tool();
    show(the("mask-tools"), true);
    show(the("tools"), false);
    document.body.classList.add("masking");
    this.viewer.layOut();
    this.choose(this.mode);
  }

  close() {
    if (!this.active) return;
    this.active = false;
    this.viewer.tool = null;
    show(the("mask-tools"), false);
    show(the("tools"), true);
    show(the("brush-ring"), false);
    document.body.classList.remove("masking");
    this.overlay.getContext("2d")?.clearRect(0, 0, this.overlay.width, this.overlay.height);
    this.viewer.layOut();
  }

  /** Take the ink of the mask that the work has now: after undo, or on opening. */
  async #follow() {
    const id = work().look.regions[0]?.mask ?? null;
    if (id === this.shown) return this.#paintOverlay();
    this.shown = id;
    this.last = null;
    try {
      if (id) return await this.#load(id);
    } catch (error) {
      trouble(error);
    }
    this.pen.clearRect(0, 0, this.ink.width, this.ink.height);
    this.taps = { add: [], remove: [] };
    this.#paintOverlay();
  }

  /**
   * @param {string} id of a mask of the server, which is drawn further as it was drawn
   * @param {boolean} [tapped] whether it follows from the taps, of which there may be more meanwhile
   */
  async #load(id, tapped = false) {
    this.loads += 1;
    const parts = Promise.all([loadPicture(`/api/masks/${id}/ink`), get(`/api/masks/${id}/drawing`)]);
    const [image, drawing] = await parts.finally(() => (this.loads -= 1));
    if (this.shown !== id) return;
    this.feather = drawing.feather;
    if (!tapped) this.taps = { add: drawing.add, remove: drawing.remove };
    const { width, height } = this.ink;
    this.pen.globalCompositeOperation = "copy";
    this.pen.drawImage(image, 0, 0, width, height);
    this.pen.globalCompositeOperation = "source-over";
    const pixels = this.pen.getImageData(0, 0, width, height);
    for (let at = 0; at < pixels.data.length; at += 4) {
      pixels.data[at + 3] = pixels.data[at];
      pixels.data[at] = pixels.data[at + 1] = pixels.data[at + 2] = 255;
    }
    this.pen.putImageData(pixels, 0, 0);
    this.#syncTools();
    this.#paintOverlay();
  }

  /** @returns {Tool} */
  #tool() {
    return {
      down: (x, y) => {
        if (this.loads) return;
        if (this.mode === "add" || this.mode === "remove") return void this.#tap(x, y);
        this.before = this.pen.getImageData(0, 0, this.ink.width, this.ink.height);
        this.last = { x, y };
        this.#stroke(x, y);
      },
      move: (x, y) => this.last && this.#stroke(x, y),
      up: () => {
        if (!this.last) return;
        this.last = null;
        this.commit();
      },
      cancel: () => {
        if (this.before && this.last) this.pen.putImageData(this.before, 0, 0);
        this.last = null;
        this.#paintOverlay();
      },
      hover: (event) => this.#ring(event),
    };
  }

  /** @param {number} x @param {number} y */
  #stroke(x, y) {
    const { pen, ink, last } = this;
    const scale = ink.width / this.viewer.board.getBoundingClientRect().width;
    pen.globalCompositeOperation = this.mode === "eraser" ? "destination-out" : "source-over";
    pen.strokeStyle = "#fff";
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = Math.max(1, this.size * scale);
    pen.beginPath();
    pen.moveTo((last?.x ?? x) * ink.width, (last?.y ?? y) * ink.height);
    pen.lineTo(x * ink.width + 0.01, y * ink.height);
    pen.stroke();
    pen.globalCompositeOperation = "source-over";
    this.last = { x, y };
    this.#paintOverlay();
  }

  /** @param {PointerEvent|null} event */
  #ring(event) {
    const ring = the("brush-ring");
    const painting = this.active && (this.mode === "brush" || this.mode === "eraser");
    show(ring, painting && event !== null && event.pointerType !== "touch");
    if (!event || !painting) return;
    const board = this.viewer.board.getBoundingClientRect();
    const size = this.size / this.viewer.zoom;
    ring.style.width = ring.style.height = `${size}px`;
    ring.style.left = `${((event.clientX - board.left) / board.width) * this.viewer.fit.width - size / 2}px`;
    ring.style.top = `${((event.clientY - board.top) / board.height) * this.viewer.fit.height - size / 2}px`;
  }

  #paintOverlay() {
    const { overlay, ink } = this;
    if (!this.active) return;
    if (overlay.width !== ink.width || overlay.height !== ink.height) [overlay.width, overlay.height] = [ink.width, ink.height];
    const flat = /** @type {CanvasRenderingContext2D} */ (overlay.getContext("2d"));
    flat.globalCompositeOperation = "copy";
    flat.drawImage(ink, 0, 0);
    flat.globalCompositeOperation = "source-in";
    flat.fillStyle = "rgb(232 85 47 / 0.4)";
    flat.fillRect(0, 0, overlay.width, overlay.height);
    flat.globalCompositeOperation = "source-over";
    const radius = Math.max(overlay.width, overlay.height) / 110;
    for (const [kind, color] of /** @type {["add"|"remove", string][]} */ ([["add", "#1a7f4b"], ["remove", "#b3261e"]])) {
      for (const [x, y] of this.taps[kind]) {
        flat.beginPath();
        flat.arc(x * overlay.width, y * overlay.height, radius, 0, 7);
        flat.fillStyle = color;
        flat.strokeStyle = "#fff";
        flat.lineWidth = radius / 3;
        flat.fill();
        flat.stroke();
      }
    }
  }

  /** @returns {ImageData} */
  #inked() {
    return this.pen.getImageData(0, 0, this.ink.width, this.ink.height);
  }

  /** Do something to the part after what is on its way, unless another photo is worked on then. @param {() => Promise<void>} act */
  #next(act) {
    const { photo } = work();
    const doing = this.sending.then(() => (work().photo?.photo === photo?.photo ? act() : undefined));
    this.sending = doing.finally(() => underway.delete(doing));
    underway.add(doing);
    return this.sending;
  }

  /** Send something of the photo and make the mask that comes the work's. @param {string} path @param {unknown} body */
  async #ask(path, body) {
    const { photo } = work();
    const { mask } = await send(`/api/photos/${photo?.photo}/${path}`, body);
    return work().photo?.photo === photo?.photo ? mask : null;
  }

  /** Send the mask and make it the work's. */
  commit() {
    const ink = this.#inked();
    const { feather } = this;
    return this.#next(async () => {
      try {
        if (isEmpty(ink)) return void (this.shown = null), this.#place(null);
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [ink.width, ink.height];
        canvas.getContext("2d")?.putImageData(grayOf(ink), 0, 0);
        const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
        const from = this.shown ? `&from=${this.shown}` : "";
        const mask = await this.#ask(`masks?feather=${feather}${from}`, blob);
        if (mask) this.#place((this.shown = mask));
      } catch (error) {
        trouble(error, () => this.commit());
      }
    });
  }

  /** @param {string|null} mask */
  #place(mask) {
    const { look } = work();
    if (!mask) return changeLook({ regions: [], settings: withSetting(look.settings, "background", "style") });
    const [region] = look.regions;
    if (region) return changeLook({ regions: [{ ...region, mask }, ...look.regions.slice(1)] });
    const style = look.styles[0]?.id ?? null;
    changeLook({ regions: [{ mask, style }], settings: withSetting(look.settings, "background", "photo") });
    if (activeSlot() !== "inside") chooseSlot("inside");
  }

  /** Take the part away. */
  remove() {
    this.pen.clearRect(0, 0, this.ink.width, this.ink.height);
    this.taps = { add: [], remove: [] };
    this.#paintOverlay();
    return this.#next(async () => this.#place((this.shown = null)));
  }

  /** @param {number} x @param {number} y */
  async #tap(x, y) {
    if (x < 0 || y < 0 || x > 1 || y > 1) return;
    this.taps[this.mode === "remove" ? "remove" : "add"].push([x, y]);
    this.#paintOverlay();
    await this.findSubject();
  }

  /** Ask the server for the subject, with what the taps say; of several times the last one counts. */
  findSubject() {
    const asked = ++this.asks;
    return this.#next(async () => {
      if (asked !== this.asks) return;
      busy("subject", t("busySubject"));
      try {
        const mask = await this.#ask("subject", { ...this.taps, feather: this.feather });
        if (!mask) return;
        this.shown = mask;
        await this.#load(mask, true);
        this.#place(mask);
      } catch (error) {
        trouble(error);
      } finally {
        busy("subject", null);
      }
    });
  }

  /** @param {"brush"|"eraser"|"add"|"remove"} mode */
  choose(mode) {
    this.mode = mode;
    for (const tool of the("mask-tools").querySelectorAll("[data-mode]")) tool.setAttribute("aria-pressed", String(tool.getAttribute("data-mode") === mode));
    the("wall").dataset.tool = mode;
  }

  /** @param {number} factor */
  resize(factor) {
    this.size = Math.min(200, Math.max(6, Math.round(this.size * factor)));
    this.#syncTools();
  }

  #buildTools() {
    const bar = the("mask-tools");
    const kinds = /** @type {const} */ ([["brush", "brush", "brush"], ["eraser", "eraser", "eraser"], ["add", "tap-add", "tapAdd"], ["remove", "tap-remove", "tapRemove"]]);
    const modes = kinds.map(([mode, picture, words]) =>
      iconButton(t(words), picture, () => this.choose(mode), { "data-mode": mode, "aria-pressed": String(mode === this.mode) }),
    );
    const size = slider({ id: "brush-size", label: t("brushSize"), least: 6, most: 200, step: 1 });
    size.addEventListener("input", () => (this.size = Number(size.value)));
    const feather = slider({ id: "feather", label: t("feather"), least: 0, most: 100, step: 1 });
    feather.addEventListener("input", () => (this.feather = Number(feather.value)));
    feather.addEventListener("change", () => this.commit());
    bar.replaceChildren(
      make("div", { class: "group modes", role: "group" }, ...modes),
      make("label", { class: "short" }, make("span", {}, t("brushSize")), size),
      make("label", { class: "short" }, make("span", {}, t("feather")), feather),
      make("div", { class: "group" },
        iconButton(t("findSubject"), "subject", () => void this.findSubject()),
        iconButton(t("invert"), "invert", () => (this.pen.putImageData(inverted(this.#inked()), 0, 0), void this.commit())),
        iconButton(t("clear"), "trash", () => this.remove())),
      make("button", { class: "primary", id: "mask-done", onclick: () => this.close() }, t("done")),
      make("p", { class: "fine touch-only" }, t("maskHint")),
    );
    this.#syncTools();
  }

  #syncTools() {
    for (const [id, value] of /** @type {[string, number][]} */ ([["brush-size", this.size], ["feather", this.feather]])) {
      const range = document.getElementById(id);
      if (range instanceof HTMLInputElement) (range.value = String(value)), fill(range);
    }
  }
}

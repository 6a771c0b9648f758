/** Videos: which moment is seen as a still, the film on its way, and the film. */

import { send, stream, wasCalledOff } from "./api.js";
import { still } from "./canvas.js";
import { fill, slider } from "./controls.js";
import { ask, closeDialog } from "./dialogs.js";
import { icon, loadPicture, make, show, the } from "./elements.js";
import { t, whenLanguage } from "./language.js";
import { duration, say, trouble, weight } from "./notices.js";
import { isPainted, stopRun } from "./painting.js";
import { change, whenWork, work } from "./work.js";
/** @import { Film, Video } from "./types.js" */
/** @import { Viewer } from "./viewer.js" */

const SIDES = [360, 512, 720, 1024];
const USUAL_SIDE = 512;
const USUAL_STILLNESS = 90;
const BEGINNING = 3;
const FORMATS = { mp4: "filmMp4", gif: "filmGif", webp: "filmWebp" };

/** @typedef {{format: string, side: number, stillness: number, seconds: number|null}} Wish */

/** @param {number} seconds @returns {string} such as 1:05.2 */
export function clock(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  const rest = (tenths % 600) / 10;
  return `${Math.floor(tenths / 600)}:${rest < 10 ? "0" : ""}${rest.toFixed(1)}`;
}

export class FilmBar {
  /** @param {Viewer} viewer @param {Film[]} films that the server has */
  constructor(viewer, films) {
    this.viewer = viewer;
    this.films = films;
    this.bar = the("film");
    /** The video whose bar is built. @type {string|null} */
    this.shown = null;
    /** @type {AbortController|null} */
    this.running = null;
    /** @type {string|null} */
    this.run = null;
    /** The moment that is looked for, while another one is on its way. @type {number|null} */
    this.wanted = null;
    this.looking = false;
    whenLanguage(() => this.build());
    whenWork(({ settled }) => settled && this.sync());
  }

  /** @returns {Video|null} */
  get video() {
    return work().photo?.video ?? null;
  }

  /** Build the bar of the video that is worked on, or what is told of a film on its way. */
  build() {
    const { video } = this;
    this.shown = video?.video ?? null;
    show(this.bar, Boolean(video ?? this.running));
    document.body.classList.toggle("film", Boolean(video ?? this.running));
    document.body.classList.toggle("filming", Boolean(this.running));
    this.bar.replaceChildren(...(video ? this.#time(video) : []), this.#rest(video));
    this.viewer.layOut();
    this.sync();
  }

  /** @param {Video} video */
  #time(video) {
    const range = slider({ id: "film-time", label: t("filmTime"), least: 0, most: Math.max(video.seconds, 0.001), step: 0.001 });
    range.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
      const step = steps[/** @type {keyof typeof steps} */ (event.key)];
      if (!step) return;
      event.preventDefault();
      range.value = String(Number(range.value) + step / video.rate);
      range.dispatchEvent(new Event("change"));
    });
    range.addEventListener("input", () => (this.#told(range), this.look(video, Number(range.value))));
    range.addEventListener("change", () => void this.take(video, Number(range.value)));
    return [range, make("output", { for: "film-time", id: "film-clock" })];
  }

  /** @param {HTMLInputElement} range */
  #told(range) {
    the("film-clock").textContent = `${clock(Number(range.value))} / ${clock(Number(range.max))}`;
    range.setAttribute("aria-valuetext", clock(Number(range.value)));
    fill(range);
  }

  /** @param {Video|null} video @returns {HTMLElement} the button that begins, or how far it is */
  #rest(video) {
    if (this.running) {
      return make("div", { class: "doing" },
        make("img", { id: "film-frame", alt: "", hidden: true }),
        make("progress", { id: "film-progress", "aria-label": t("filmBusy") }),
        make("span", { id: "film-figures", role: "status" }, t("filmBusy")),
        make("button", { class: "plain", id: "film-stop", onclick: () => this.stop() }, icon("stop"), make("span", {}, t("stop"))));
    }
    return make("div", { class: "doing" },
      make("button", { class: "plain", id: "film-watch", hidden: !this.#last(), onclick: () => this.watch() }, icon("film"), make("span", {}, t("filmWatch"))),
      make("button", { class: "primary", id: "film-paint", disabled: !video || !isPainted(work()), onclick: () => this.ask() }, icon("film"), make("span", {}, t("filmPaint"))));
  }

  /** @returns {Film|undefined} the latest film of the video that is worked on */
  #last() {
    return this.films.findLast((film) => film.video === this.video?.video);
  }

  /** Bring the bar to what is worked on. */
  sync() {
    const { video } = this;
    if ((video?.video ?? null) !== this.shown) return this.build();
    const range = /** @type {HTMLInputElement|null} */ (document.getElementById("film-time"));
    if (video && range && document.activeElement !== range) range.value = String(video.second);
    if (range) this.#told(range);
    const paint = document.getElementById("film-paint");
    if (paint instanceof HTMLButtonElement) paint.disabled = !isPainted(work());
    const watch = document.getElementById("film-watch");
    if (watch) show(watch, Boolean(this.#last()));
  }

  /** Show a moment while the slider moves; of several the latest. @param {Video} video @param {number} second */
  async look(video, second) {
    this.wanted = second;
    if (this.looking) return;
    this.looking = true;
    try {
      while (this.wanted !== null) {
        const now = /** @type {number} */ (this.wanted);
        const image = await loadPicture(`/api/videos/${video.video}/picture?second=${now.toFixed(3)}&side=512`);
        if (this.wanted !== null) this.viewer.show(still(image));
        if (this.wanted === now) this.wanted = null;
      }
    } catch {
      // The still that follows says what is wrong.
    } finally {
      this.looking = false;
    }
  }

  /** Work on a moment. @param {Video} video @param {number} second */
  async take(video, second) {
    this.wanted = null;
    try {
      const photo = await send(`/api/videos/${video.video}/stills`, { second: Math.min(second, video.seconds) });
      if (this.video?.video === video.video) change({ photo, refined: null });
    } catch (error) {
      trouble(error, () => void this.take(video, second));
    }
  }

  /** Ask what film is wanted. */
  ask() {
    const { video } = this;
    const { photo, look } = work();
    if (!video || !photo || this.running || !isPainted(work())) return;
    const formats = make("fieldset", { class: "formats three" }, make("legend", {}, t("format")), ...Object.entries(FORMATS).map(([format, words], index) =>
      make("label", { class: "format" }, make("input", { type: "radio", name: "format", value: format, checked: index === 0 }), make("span", {}, format === "webp" ? "WebP" : format.toUpperCase()), make("small", {}, t(words)))));
    const long = Math.max(photo.width, photo.height);
    const sides = SIDES.filter((side) => side < long);
    const size = /** @type {HTMLSelectElement} */ (make("select", { id: "film-side" },
      ...sides.map((side) => make("option", { value: side }, t("longSide", { n: side }))), make("option", { value: long }, t("filmOwnSize", photo))));
    size.value = String(sides.includes(USUAL_SIDE) ? USUAL_SIDE : long);
    const part = /** @type {HTMLSelectElement} */ (make("select", { id: "film-part" }, make("option", { value: "" }, t("filmWhole")), make("option", { value: BEGINNING }, t("filmBeginning", { n: BEGINNING }))));
    const stillness = slider({ id: "film-stillness", label: t("stillness"), least: 0, most: 100, step: 1, help: t("stillnessHelp") });
    stillness.value = String(USUAL_STILLNESS);
    fill(stillness);
    const told = make("output", { for: "film-stillness" }, stillness.value);
    stillness.addEventListener("input", () => (told.textContent = stillness.value));
    const form = make("form", { method: "dialog" },
      formats,
      make("div", { class: "row choice" }, make("label", { for: "film-side" }, t("size")), size),
      make("div", { class: "row choice" }, make("label", { for: "film-part" }, t("filmPart")), part),
      make("div", { class: "row setting", title: t("stillnessHelp") }, make("span", { class: "label", "aria-hidden": "true" }, t("stillness")), told, stillness),
      make("p", { class: "fine" }, t(video.sound ? "filmInside" : "filmInsideSilent")),
      look.regions.length ? make("p", { class: "fine" }, t("filmRegions")) : null,
      make("div", { class: "row end" }, make("button", { class: "plain", onclick: closeDialog }, t("cancel")), make("button", { type: "submit", class: "primary", id: "film-go" }, t("filmPaint"))));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const format = formats.querySelector("input:checked")?.getAttribute("value") ?? "mp4";
      closeDialog();
      void this.begin(video, { format, side: Number(size.value), stillness: Number(stillness.value), seconds: part.value ? Number(part.value) : null });
    });
    ask(t("filmTitle"), "download", form);
  }

  /** @param {Video} video @param {Wish} wish */
  async begin(video, wish) {
    const { look } = work();
    const controller = (this.running = new AbortController());
    this.run = null;
    this.build();
    try {
      for await (const [name, data] of stream(`/api/videos/${video.video}/films`, { look, ...wish }, controller.signal)) {
        if (name === "run") this.run = data.run;
        else if (name === "queued") the("film-figures").textContent = t("busyQueued", data);
        else if (name === "busy") the("film-figures").textContent = t(data.what === "engine" ? "busyEngine" : "filmShots");
        else if (name === "progress") this.#progress(data);
        else if (name === "film") this.#made(data);
      }
    } catch (error) {
      if (!wasCalledOff(error)) trouble(error, () => void this.begin(video, wish));
    }
    this.running = null;
    this.build();
  }

  /** @param {{frame: number, frames: number|null, rate: number, seconds_left: number|null, picture: string|null}} data */
  #progress(data) {
    const bar = /** @type {HTMLProgressElement} */ (the("film-progress"));
    if (data.frames) [bar.max, bar.value] = [data.frames, Math.min(data.frame, data.frames)];
    const parts = [
      data.frames ? t("filmFrame", data) : t("filmFrameOnly", data),
      data.frame > 1 ? t("filmRate", { rate: data.rate.toFixed(1) }) : "",
      data.seconds_left ? t("timeLeft", { time: duration(data.seconds_left) }) : "",
    ];
    the("film-figures").textContent = parts.filter(Boolean).join(" · ");
    if (!data.picture) return;
    const frame = /** @type {HTMLImageElement} */ (the("film-frame"));
    frame.src = data.picture;
    show(frame, true);
  }

  /** @param {Film} film */
  #made(film) {
    this.films.push(film);
    for (const note of film.notes) say(note);
    const words = t(film.whole ? "filmReady" : "filmStopped", { ...film, bytes: weight(film.bytes) });
    say(words, { action: { label: t("filmWatch"), run: () => this.watch(film) } });
  }

  /** End the film after the frame; what is painted is the film. */
  stop() {
    if (this.run) stopRun(this.run).catch(trouble);
    else this.running?.abort();
  }

  /** Show the film. @param {Film} [film] the latest one otherwise */
  watch(film = this.#last()) {
    if (!film) return;
    const moving = /\.(gif|webp)$/.test(film.name)
      ? make("img", { src: film.url, alt: film.name, id: "film-seen" })
      : make("video", { src: film.url, controls: true, loop: true, autoplay: true, playsinline: true, "aria-label": film.name, id: "film-seen" });
    const box = ask(film.name, "film", moving,
      make("p", { class: "fine" }, t("filmTold", { ...film, bytes: weight(film.bytes) })),
      make("div", { class: "row end" }, make("button", { class: "plain", onclick: closeDialog }, t("close")), make("a", { class: "primary", id: "film-save", href: film.url, download: film.name }, icon("down"), make("span", {}, t("download")))));
    box.addEventListener("close", () => moving.remove(), { once: true });
  }
}

/** Photos and styles come in: chosen, dropped, pasted, photographed, or a sample. */

import { ownError, send, wasCalledOff } from "./api.js";
import { ask, closeDialog } from "./dialogs.js";
import { button, input, loadPicture, make, show, the } from "./elements.js";
import { addStyle, streamThumbnails, take } from "./gallery.js";
import { named, t, whenLanguage } from "./language.js";
import { busy, say, trouble, weight } from "./notices.js";
import { keepSource, keptSource } from "./photo_memory.js";
import { withSetting } from "./settings.js";
import { begin, change, remembered, work } from "./work.js";
/** @import { Source } from "./photo_memory.js" */
/** @import { Photo, Sample } from "./types.js" */


/** @type {{bytes: number, pixels: number, video_bytes: number}} */
let limits = { bytes: Infinity, pixels: Infinity, video_bytes: Infinity };
/** The photo that is on its way: of several the last one counts. @type {AbortController|null} */
let coming = null;
/** Files of videos, where the browser does not know their kind. */
const FILMS = /\.(mp4|m4v|mov|mkv|webm|avi|mts|m2ts|mpe?g|ogv|wmv|flv)$/i;
/** Bytes of a file that the browser keeps for a new start of the studio. */
const MOST_KEPT = 64 * 2 ** 20;
/** @type {(image: HTMLImageElement) => void} */
let preview = () => {};

/** @param {{limits: typeof limits, samples: Sample[], preview: typeof preview}} given */
export function prepareOpening(given) {
  limits = given.limits;
  preview = given.preview;
  button("open").addEventListener("click", () => input("photo-file").click());
  button("choose").addEventListener("click", () => input("photo-file").click());
  button("take").addEventListener("click", () => input("camera-file").click());
  for (const id of ["photo-file", "camera-file"]) taken(id, (file) => void openPhoto(file));
  taken("style-file", askStyle);
  document.addEventListener("paste", pasted);
  listenToDrops();
  whenLanguage(() => showSamples(given.samples));
}

/** @param {string} id @param {(file: File) => void} use */
function taken(id, use) {
  input(id).addEventListener("change", () => {
    const file = input(id).files?.[0];
    if (file) use(file);
    input(id).value = "";
  });
}

/** @param {Sample[]} samples */
function showSamples(samples) {
  the("samples").replaceChildren(...samples.map((sample) =>
    make("button", { class: "sample", "data-sample": sample.id, onclick: () => void openSample(sample) },
      make("img", { src: `/api/samples/${sample.id}/picture?side=256`, alt: "", draggable: "false" }), make("span", {}, named(sample.names, sample.id)))));
}

/** @param {ClipboardEvent} event */
function pasted(event) {
  if (event.target instanceof HTMLInputElement) return;
  const files = [...(event.clipboardData?.files ?? [])];
  const file = files.find((each) => each.type.startsWith("image/") || isFilm(each));
  if (file) void openPhoto(file);
  else if (files.length || event.clipboardData?.types.length) say(t("noPicture"), { trouble: true });
}

function listenToDrops() {
  const zone = the("drop");
  let depth = 0;
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  const under = (/** @type {DragEvent} */ event) => (event.target instanceof Element ? event.target.closest("[data-drop]") : null);
  document.addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth++;
    show(zone, true);
  });
  document.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) show(zone, false);
  });
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    for (const each of zone.children) each.classList.toggle("over", each === under(event));
  });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    show(zone, false);
    const file = dropped(event.dataTransfer);
    if (file) under(event)?.getAttribute("data-drop") === "style" ? askStyle(file) : void openPhoto(file);
  });
}

/** @param {DataTransfer|null} data @returns {File|undefined} the first picture or video of what was dropped */
function dropped(data) {
  const items = [...(data?.items ?? [])].filter((item) => item.kind === "file");
  const files = items.filter((item) => !item.webkitGetAsEntry()?.isDirectory).flatMap((item) => item.getAsFile() ?? []);
  const [first] = files;
  const file = files.find((each) => each.type.startsWith("image/") || isFilm(each)) ?? first;
  if (!file && items.length) say(t("dropFolder"), { trouble: true });
  if (file && items.length > 1) say(t("dropMany", { name: file.name }));
  return file;
}

/** @param {File} file @returns {boolean} whether it is a video; animations are pictures that the server looks at */
const isFilm = (file) => file.type.startsWith("video/") || FILMS.test(file.name);

/** @param {File} file @param {number} most @returns {boolean} whether it is neither empty nor too large; if not, it is said */
function fits(file, most) {
  if (!file.size) return say(t("emptyFile", { name: file.name }), { trouble: true }), false;
  if (file.size <= most) return true;
  say(t("tooLarge", { allowed: weight(most), found: weight(file.size) }), { trouble: true });
  return false;
}

/** @param {File} file @param {string} unnamed what one without a name is called */
const withName = (file, unnamed) => ({ headers: { "X-Filename": encodeURIComponent(file.name || unnamed) } });

/** Be sure that a file is still there, since a browser takes its loss for the server's. @param {File} file */
async function checkReadable(file) {
  await file.slice(0, 1).arrayBuffer().catch(() => {
    throw ownError("unreadable", "fileUnreadable", { name: file.name });
  });
}

/**
 * Send where a photo comes from, and keep it for a new start.
 * @param {Source} source
 * @param {AbortSignal} [signal]
 * @returns {Promise<Photo>}
 */
async function upload(source, signal) {
  /** @type {Photo} */
  let photo;
  if (typeof source === "string") photo = await send(`/api/photos?sample=${encodeURIComponent(source)}`, null, { signal });
  else {
    await checkReadable(source);
    photo = await send(isFilm(source) ? "/api/videos" : "/api/photos", source, { ...withName(source, "photo"), signal });
  }
  if (typeof source === "string" || source.size <= MOST_KEPT) void keepSource(sourceOf(photo), source);
  return photo;
}

/** @param {Photo} photo @returns {string} by what its source is kept: all stills of a video are of one file */
const sourceOf = (photo) => photo.video?.video ?? photo.photo;

/** Send a photo again that the server has no longer. @param {Photo} photo @returns {Promise<Photo|null>} */
export async function sentAgain(photo) {
  const source = await keptSource(sourceOf(photo));
  return source === null ? null : upload(source).catch(() => null);
}

/** @param {File} file */
export async function openPhoto(file) {
  if (!fits(file, isFilm(file) ? limits.video_bytes : limits.bytes)) return;
  void showAtOnce(file);
  await receive(file, () => void openPhoto(file));
}

/** @param {Sample} sample */
async function openSample(sample) {
  await receive(sample.id, () => void openSample(sample));
}

/** @param {Source} source @param {() => void} again */
async function receive(source, again) {
  coming?.abort();
  const controller = (coming = new AbortController());
  busy("photo", t("readingPhoto"));
  try {
    const photo = await upload(source, controller.signal);
    if (coming === controller) hang(photo);
  } catch (error) {
    if (!work().photo && !wasCalledOff(error)) change({});
    trouble(error, again);
  } finally {
    if (coming === controller) busy("photo", (coming = null));
  }
}

/** Show a photo before the server has it, where the browser can. @param {File} file */
async function showAtOnce(file) {
  const url = URL.createObjectURL(file);
  try {
    if (!work().photo) preview(await loadPicture(url));
  } catch {
    // HEIC and TIFF are shown once the server has read them.
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Make a photo the one that is worked on; a picture of Impasto's brings its recipe. @param {Photo} photo */
function hang(photo) {
  const { look } = work();
  const own = { ...look, regions: [], settings: withSetting(look.settings, "background", "style") };
  if (!photo.look) change({ photo, look: own, refined: null });
  else if (work().photo) {
    change({ look: photo.look, refined: null });
    say(t("recipeForPhoto"), { action: { label: t("usePictureItself"), run: () => change({ photo, look: { ...own, styles: [] }, refined: null }) } });
  } else {
    change({ photo, look: photo.look, refined: null });
    say(t("recipeLoaded", { name: photo.name }));
  }
  for (const note of photo.notes) say(note);
}

/** Ask what a style of one's own is called, and take it. @param {File} file */
export function askStyle(file) {
  if (!fits(file, limits.bytes)) return;
  const url = URL.createObjectURL(file);
  const name = /** @type {HTMLInputElement} */ (make("input", { id: "style-name", type: "text", maxlength: 40, value: plainName(file.name), autocomplete: "off", required: true }));
  const keep = /** @type {HTMLInputElement} */ (make("input", { id: "style-keep", type: "checkbox", role: "switch" }));
  const form = make("form", { method: "dialog" },
    make("img", { class: "preview", src: url, alt: "" }),
    make("div", { class: "row choice" }, make("label", { for: "style-name" }, t("styleName")), name),
    make("div", { class: "row flag" }, make("label", { for: "style-keep" }, t("keepStyle")), keep),
    make("p", { class: "fine" }, t("keepStyleHelp")),
    make("div", { class: "row end" }, make("button", { class: "plain", onclick: closeDialog }, t("cancel")), make("button", { type: "submit", class: "primary", id: "style-add" }, t("add"))));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    closeDialog();
    void sendStyle(file, name.value.trim() || t("yourStyle"), keep.checked);
  });
  const dialog = ask(t("addStyle"), "style", form);
  dialog.addEventListener("close", () => URL.revokeObjectURL(url), { once: true });
}

/** @param {string} name @returns {string} a file's name as a style's */
const plainName = (name) => name.replace(/\.[^.]+$/, "").replace(/[^\p{L}\p{N}_-]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 40);

/** @param {File} file @param {string} name @param {boolean} keep */
async function sendStyle(file, name, keep) {
  busy("style", t("busyStyle"));
  try {
    const style = await send(`/api/styles?name=${encodeURIComponent(name)}&keep=${keep}`, file, withName(file, "style"));
    addStyle(style);
    take(style.id);
    say(t("styleAdded", { name: named(style.names, name) }));
    const { photo } = work();
    if (photo) void streamThumbnails(photo.photo);
  } catch (error) {
    trouble(error, () => void sendStyle(file, name, keep));
  } finally {
    busy("style", null);
  }
}

/**
 * Go on with what was worked on before the page was loaded anew; the photo is sent again if the studio was closed.
 * @param {Photo[]} known what the server has
 */
export async function goOn(known) {
  const before = remembered();
  if (!before) return;
  const { photo } = before;
  if (!photo || known.some((each) => each.photo === photo.photo)) return begin(before);
  const look = { ...before.look, regions: [], settings: withSetting(before.look.settings, "background", "style") };
  begin({ photo: null, look, refined: null });
  const again = await sentAgain(photo);
  if (again) begin({ photo: again, look, refined: null });
}

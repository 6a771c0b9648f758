/** The picture as a file: format, size, quality; the recipe goes with it. */

import { stream, wasCalledOff } from "./api.js";
import { ask, closeDialog } from "./dialogs.js";
import { make, the } from "./elements.js";
import { t } from "./language.js";
import { busy, say, trouble, weight } from "./notices.js";
import { pin } from "./results.js";
import { work } from "./work.js";

const SIZES = [1024, 2048, 4096];
const NOTES = { png: "formatPng", jpeg: "formatJpeg", webp: "formatWebp", avif: "formatAvif" };
/** @type {AbortController|null} */
let running = null;

/** @returns {{format: string, size: string, quality: number}} */
function remembered() {
  const usual = { format: "jpeg", size: "own", quality: 92 };
  try {
    return { ...usual, ...JSON.parse(localStorage.getItem("impasto.download") ?? "{}") };
  } catch {
    return usual;
  }
}

/** @param {string[]} formats that the server writes */
export function askDownload(formats) {
  const { photo, refined } = work();
  if (!photo) return;
  const wish = remembered();
  const formatChoice = make("fieldset", { class: "formats" }, make("legend", {}, t("format")), ...formats.map((format) => formatRadio(format, format === wish.format)));
  const sizes = SIZES.filter((side) => side < Math.max(photo.width, photo.height));
  const size = /** @type {HTMLSelectElement} */ (make("select", { id: "download-size" },
    make("option", { value: "own" }, t("ownSize", photo)),
    ...sizes.map((side) => make("option", { value: side }, t("longSide", { n: side })))));
  size.value = sizes.some((side) => String(side) === wish.size) ? wish.size : "own";
  const quality = /** @type {HTMLInputElement} */ (make("input", { id: "download-quality", type: "number", min: 1, max: 100, value: wish.quality, inputmode: "numeric" }));
  const qualityRow = make("div", { class: "row choice" }, make("label", { for: "download-quality" }, t("quality")), quality);
  const format = () => formatChoice.querySelector("input:checked")?.getAttribute("value") ?? "png";
  const sync = () => (qualityRow.hidden = format() === "png");
  formatChoice.addEventListener("change", sync);
  sync();
  const form = make("form", { method: "dialog" },
    formatChoice,
    make("div", { class: "row choice" }, make("label", { for: "download-size" }, t("size")), size),
    refined ? make("p", { class: "fine" }, t("refinedHint")) : null,
    qualityRow,
    make("p", { class: "fine" }, t("recipeInside")),
    make("div", { class: "row end" }, make("button", { class: "plain", onclick: closeDialog }, t("cancel")), make("button", { type: "submit", class: "primary", id: "download-go" }, t("download"))));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!quality.reportValidity()) return;
    const chosen = { format: format(), size: size.value, quality: Number(quality.value) };
    localStorage.setItem("impasto.download", JSON.stringify(chosen));
    closeDialog();
    void fetchFile(chosen);
  });
  ask(t("downloadTitle"), "download", form);
}

/** @param {string} format @param {boolean} checked */
function formatRadio(format, checked) {
  const note = NOTES[/** @type {keyof typeof NOTES} */ (format)];
  return make("label", { class: "format" }, make("input", { type: "radio", name: "format", value: format, checked }), make("span", {}, format === "webp" ? "WebP" : format.toUpperCase()), make("small", {}, note ? t(note) : ""));
}

/** @param {{format: string, size: string, quality: number}} wish */
async function fetchFile(wish) {
  const { photo, look, refined } = work();
  running?.abort();
  const controller = (running = new AbortController());
  const stop = { label: t("stop"), run: () => controller.abort() };
  busy("export", t("busyExport"), stop);
  try {
    const body = { photo: photo?.photo, look, result: refined, format: wish.format, size: wish.size === "own" ? "own" : Number(wish.size), quality: wish.quality };
    for await (const [name, data] of stream("/api/exports", body, controller.signal)) {
      if (name === "queued") busy("export", t("busyQueued", data), stop);
      if (name === "busy") busy("export", t("busyExport"), stop);
      if (name === "step") busy("export", `${t("busyExport")} ${t("refineStep", data)}`, stop);
      if (name === "file") save(data);
    }
  } catch (error) {
    if (!wasCalledOff(error)) trouble(error, () => void fetchFile(wish));
  } finally {
    if (running === controller) busy("export", null);
  }
}

/** @param {{url: string, name: string, bytes: number, width: number, height: number}} file */
function save(file) {
  const link = /** @type {HTMLAnchorElement} */ (make("a", { href: file.url, download: file.name, hidden: true }));
  the("notices").append(link);
  link.click();
  link.remove();
  pin();
  say(t("downloaded", { ...file, bytes: weight(file.bytes) }), { action: { label: t("saveAgain"), run: () => save(file) } });
}

/** The gallery: every style as a thumbnail of the person's own photo, and what the chosen style is for. */

import { send, stream, wasCalledOff } from "./api.js";
import { ask, closeDialog } from "./dialogs.js";
import { icon, iconButton, make, show, the } from "./elements.js";
import { named, t, whenLanguage } from "./language.js";
import { change, changeLook, setting, whenWork, work } from "./work.js";
import { forgetStyle, screen } from "./painting.js";
import { withSetting } from "./settings.js";
/** @import { Style } from "./types.js" */

/** @typedef {"main"|"second"|"inside"} Slot */

/** @type {Map<string, Style>} */
export const STYLES = new Map();
/** @type {Map<string, string>} */
let thumbnails = new Map();
/** @type {Slot} */
let slot = "main";
/** @type {AbortController|null} */
let streaming = null;
const PHOTO_ITSELF = "photo";

/** @type {{addStyle: () => void, busy: (done: number, all: number) => void, trouble: (error: unknown, again?: () => void) => void}} */
let hooks = { addStyle() {}, busy() {}, trouble() {} };

/** @param {Style[]} styles @param {typeof hooks} given */
export function openGallery(styles, given) {
  hooks = given;
  for (const style of styles) STYLES.set(style.id, style);
  whenLanguage(build);
  whenWork(({ settled }) => settled && mark());
}

/** @param {string|null|undefined} id */
export const styleName = (id) => (id ? named(STYLES.get(id)?.names, id) : t("noStyle"));

/** @returns {Slot} */
export const activeSlot = () => slot;

/** @param {Slot} name */
export function chooseSlot(name) {
  slot = name;
  mark();
}

/** @returns {Slot[]} the slots that are open */
function openSlots() {
  const { look } = work();
  /** @type {Slot[]} */
  const open = ["main"];
  if (blending()) open.push("second");
  if (look.regions.length) open.push("inside");
  return open;
}

let wantsSecond = false;
export const blending = () => wantsSecond || work().look.styles.length > 1;

/** @param {boolean} on whether a second style is wanted */
export function blend(on) {
  wantsSecond = on;
  if (!on && work().look.styles.length > 1) changeLook({ styles: work().look.styles.slice(0, 1).map((style) => ({ ...style, weight: 1 })) });
  chooseSlot(on ? "second" : "main");
}

/** @param {Slot} name @returns {string|null} the style of a slot; null for the photo itself */
export function styleOf(name) {
  const { look } = work();
  if (name === "second") return look.styles[1]?.id ?? null;
  if (name === "inside") return look.regions[0]?.style ?? null;
  return setting("background") === "photo" && look.regions.length ? null : (look.styles[0]?.id ?? null);
}

/** Give the active slot a style. @param {string|null} id */
export function take(id) {
  const { look } = work();
  const [first, second, ...others] = look.styles;
  if (slot === "inside") {
    const regions = look.regions.map((region, index) => (index ? region : { ...region, style: id }));
    return changeLook({ regions, styles: first || !id ? look.styles : [{ id, weight: 1, part: "all" }] });
  }
  if (slot === "second" && id) {
    const share = second?.weight ?? 0.5;
    return changeLook({ styles: [{ ...(first ?? { id, part: "all" }), weight: 1 - share }, { id, weight: share, part: second?.part ?? "all" }, ...others] });
  }
  const settings = withSetting(look.settings, "background", id || !look.regions.length ? "style" : "photo");
  if (!id) return look.regions.length ? changeLook({ settings }) : change({ look: { ...look, styles: [], settings }, refined: null });
  const styles = [{ id, weight: second ? (first?.weight ?? 0.5) : 1, part: first?.part ?? "all" }, ...(second ? [second] : []), ...others];
  changeLook({ styles, settings });
}

/** @returns {boolean} whether the photo itself can be taken */
const photoAllowed = () => slot === "inside" || (slot === "main" && (work().look.regions.length > 0 || work().look.styles.length > 0));

function build() {
  const gallery = the("gallery");
  const scrolled = gallery.scrollTop;
  gallery.replaceChildren(tile(PHOTO_ITSELF), ...[...STYLES.values()].map((style) => tile(style.id)), addTile());
  gallery.scrollTop = scrolled;
  mark();
}

/** @param {string} id @returns {HTMLElement} */
function tile(id) {
  const style = STYLES.get(id);
  const name = style ? named(style.names, id) : t("noStyle");
  const radio = make("button", { role: "radio", "aria-checked": "false", tabindex: "-1", "data-style": id, class: "tile", title: style ? named(style.lines) : name }, make("span", { class: "name" }, name));
  radio.prepend(picture(id));
  radio.addEventListener("click", () => take(style ? id : null));
  radio.addEventListener("keydown", (event) => step(event, id));
  if (!style?.own) return radio;
  const remove = iconButton(t("removeStyle", { name }), "close", () => (style.kept ? askRemoval(id, name) : void removeStyle(id)), { class: "quiet bare remove" });
  return make("div", { class: "own", role: "none" }, radio, remove);
}

/** @param {string} id @returns {HTMLElement} */
function picture(id) {
  const own = id === PHOTO_ITSELF ? (work().photo ? `/api/photos/${work().photo?.photo}/picture?side=192` : "") : (thumbnails.get(id) ?? `/api/styles/${encodeURIComponent(id)}/picture?side=192&v=${STYLES.get(id)?.sha256.slice(0, 12)}`);
  if (!own) return make("span", { class: "thumb none" }, icon("photo"));
  return make("img", { class: "thumb", src: own, alt: "", loading: "lazy", decoding: "async", draggable: "false" });
}

function addTile() {
  const add = make("button", { class: "tile add", id: "add-style" }, make("span", { class: "thumb none" }, icon("plus")), make("span", { class: "name" }, t("addStyleShort")));
  add.setAttribute("aria-label", t("addStyle"));
  add.title = t("addStyle");
  add.addEventListener("click", () => hooks.addStyle());
  return make("div", { role: "none" }, add);
}

/** @returns {HTMLElement[]} */
const tiles = () => /** @type {HTMLElement[]} */ ([...the("gallery").querySelectorAll("[data-style]")]).filter((each) => !each.hidden);

/** @type {number|undefined} */
let settling;
/** @param {KeyboardEvent} event @param {string} id */
function step(event, id) {
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  const move = steps[/** @type {keyof typeof steps} */ (event.key)];
  if (!move && event.key !== "Home" && event.key !== "End") return;
  event.preventDefault();
  event.stopPropagation();
  goTo(move ? tiles().findIndex((each) => each.dataset.style === id) + move : event.key === "Home" ? 0 : -1);
}

/** Take a neighbor of the chosen style. @param {number} move */
export function neighbor(move) {
  goTo(tiles().findIndex((each) => each.dataset.style === (styleOf(slot) ?? PHOTO_ITSELF)) + move);
}

/** @param {number} index */
function goTo(index) {
  const all = tiles();
  const next = all[(index + all.length) % all.length];
  if (!next) return;
  next.focus();
  clearTimeout(settling);
  settling = window.setTimeout(() => take(next.dataset.style === PHOTO_ITSELF ? null : (next.dataset.style ?? null)), 140);
}

/** Show which style is chosen and what it is for. */
export function mark() {
  const open = openSlots();
  if (!open.includes(slot)) slot = "main";
  const taken = styleOf(slot) ?? (slot === "second" ? "" : PHOTO_ITSELF);
  const photo = /** @type {HTMLElement|null} */ (the("gallery").querySelector(`[data-style="${PHOTO_ITSELF}"]`));
  if (photo) show(photo, photoAllowed() && slot !== "second");
  let reachable = false;
  for (const each of tiles()) {
    const chosen = each.dataset.style === taken;
    each.setAttribute("aria-checked", String(chosen));
    each.tabIndex = chosen ? 0 : -1;
    reachable ||= chosen;
  }
  const [first] = tiles();
  if (!reachable && first) first.tabIndex = 0;
  showSlots(open);
}

/** @param {Slot[]} open */
function showSlots(open) {
  const bar = the("slots");
  show(bar, open.length > 1);
  const labels = {
    main: t(open.includes("inside") ? "slotOutside" : "slotFirst"),
    second: t("slotSecond"),
    inside: t("slotInside"),
  };
  bar.replaceChildren(
    ...open.map((name) => {
      const choice = make("button", { class: "slot", "aria-pressed": String(name === slot), "data-slot": name }, picture(styleOf(name) ?? PHOTO_ITSELF), make("span", {}, labels[name]), make("small", {}, name === "second" && !styleOf(name) ? "—" : styleName(styleOf(name))));
      choice.addEventListener("click", () => {
        chooseSlot(name);
        /** @type {HTMLElement|null} */ (bar.querySelector(`[data-slot="${name}"]`))?.focus();
      });
      return choice;
    }),
  );
}

/** Add a style to the gallery. @param {Style} style */
export function addStyle(style) {
  STYLES.set(style.id, style);
  build();
  the("gallery").querySelector(`[data-style="${CSS.escape(style.id)}"]`)?.scrollIntoView({ block: "nearest" });
}

/** Take a style that is gone out of the look: of a blend the other stays, a part keeps its photo. @param {string} id */
function leaveOut(id) {
  const { look } = work();
  if (![...look.styles.map((style) => style.id), ...look.regions.map((region) => region.style)].includes(id)) return;
  const regions = look.regions.map((region) => (region.style === id ? { ...region, style: null } : region));
  let styles = look.styles.filter((style) => style.id !== id);
  if (styles.length === 1) styles = styles.map((style) => ({ ...style, weight: 1 }));
  let { settings } = look;
  const inside = regions[0]?.style;
  if (!styles.length && inside) {
    styles = [{ id: inside, weight: 1, part: "all" }];
    settings = withSetting(settings, "background", "photo");
  }
  changeLook({ styles, regions, settings });
}

/** Ask before the file of a kept style is deleted. @param {string} id @param {string} name */
function askRemoval(id, name) {
  ask(t("removeStyle", { name }), "removal",
    make("p", {}, t("removalFinal")),
    make("div", { class: "row end" },
      make("button", { class: "plain", onclick: closeDialog }, t("cancel")),
      make("button", { class: "primary", id: "removal-go", onclick: () => (closeDialog(), void removeStyle(id)) }, t("delete"))));
}

/** @param {string} id */
async function removeStyle(id) {
  leaveOut(id); // before it is gone, so that nothing asks for it any more
  streaming?.abort();
  the("gallery").querySelector(`[data-style="${CSS.escape(id)}"] .thumb`)?.removeAttribute("src"); // may be on its way
  try {
    await send(`/api/styles/${encodeURIComponent(id)}`, null, { method: "DELETE" });
    STYLES.delete(id);
    thumbnails.delete(id);
    forgetStyle(id);
    build();
    the("add-style").focus();
  } catch (error) {
    build();
    hooks.trouble(error);
  }
  const { photo } = work();
  if (photo) void streamThumbnails(photo.photo);
}

/**
 * Stream the styles that have none yet as thumbnails of the photo.
 * @param {string} photo
 * @returns {Promise<boolean>} whether all came that were waited for
 */
export async function streamThumbnails(photo) {
  streaming?.abort();
  const controller = (streaming = new AbortController());
  const styles = [...STYLES.keys()].filter((id) => !thumbnails.has(id));
  const all = STYLES.size;
  let done = all - styles.length;
  if (!styles.length) return true;
  try {
    hooks.busy(done, all);
    for await (const [name, data] of stream(`/api/photos/${photo}/thumbnails`, { side: 192, styles, strength: 50, ahead: screen.side }, controller.signal)) {
      if (name !== "thumbnail") continue;
      thumbnails.set(data.style, data.picture);
      const image = the("gallery").querySelector(`[data-style="${CSS.escape(data.style)}"] .thumb`);
      if (image instanceof HTMLImageElement) image.src = data.picture;
      hooks.busy(++done, all);
    }
    return true;
  } catch (error) {
    if (wasCalledOff(error)) return true;
    hooks.trouble(error, () => void streamThumbnails(photo));
    return false;
  } finally {
    if (streaming === controller) hooks.busy(all, all);
  }
}

/** The photo changed: its own tile shows it. */
export function newPhoto() {
  thumbnails = new Map();
  build();
}

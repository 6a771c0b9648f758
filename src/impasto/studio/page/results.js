/** The strip of the session's results: a click brings photo, settings and picture back. */

import { send } from "./api.js";
import { iconButton, loadPicture, make, show, the } from "./elements.js";
import { styleName } from "./gallery.js";
import { chosen, t, whenLanguage } from "./language.js";
import { forgetResult, keepResult } from "./painting.js";
import { change, work } from "./work.js";
/** @import { Kept, Photo, Result, Work } from "./types.js" */


const MOST = 30;
/** @type {(Kept & {pinned?: boolean})[]} newest first */
let kept = [];

/** @param {Result[]} known what the server still has @param {Photo[]} photos of which */
export function openResults(known, photos) {
  /** @type {Map<string, typeof kept[number]>} */
  let remembered = new Map();
  try {
    const found = JSON.parse(localStorage.getItem("impasto.results") ?? "[]");
    remembered = new Map(found.map((/** @type {Kept} */ each) => [each.result.result, each]));
  } catch {
    // What another version has left.
  }
  const works = known.map((result) => remembered.get(result.result) ?? { result, work: workOf(result, photos) });
  kept = works.filter((each) => each.work.photo).reverse().slice(0, MOST);
  whenLanguage(build);
}

/** @param {Result} result @param {Photo[]} photos @returns {Work} */
function workOf(result, photos) {
  const photo = photos.find((each) => each.photo === result.photo) ?? null;
  return { photo, look: { ...{ settings: {}, regions: [] }, ...result.look }, refined: result.iterations ? result.result : null };
}

/** Equal for works that differ in sliders only: of these the strip has the last. @param {Work} w */
const theme = (w) => JSON.stringify([w.photo?.photo, w.look.styles.map((style) => style.id), w.look.regions, w.refined]);

/**
 * Take a result into the strip. One that only tunes the newest takes its place, unless that one was downloaded.
 * @param {Result} result
 * @param {Work} w
 */
export function collect(result, w) {
  const [newest] = kept;
  if (newest?.result.result === result.result) return;
  const tuned = newest && !newest.pinned && theme(newest.work) === theme(w) ? newest : null;
  const replaced = kept.filter((each) => each === tuned || JSON.stringify(each.work) === JSON.stringify(w));
  kept = [{ result, work: w }, ...kept.filter((each) => !replaced.includes(each))].slice(0, MOST);
  replaced.forEach(discard);
  store();
}

/** Have the server forget a result, unless it is what others were made of. @param {Kept} entry */
function discard({ result, work: w }) {
  if (w.refined === result.result) return;
  forgetResult(result.result);
  send(`/api/results/${result.result}`, null, { method: "DELETE" }).catch(() => undefined); // which may be gone already
}

/** Keep what was downloaded, whatever is tuned afterwards. */
export function pin() {
  const [newest] = kept;
  if (newest && JSON.stringify(newest.work) === JSON.stringify(work())) newest.pinned = true;
  store();
}

function store() {
  try {
    localStorage.setItem("impasto.results", JSON.stringify(kept));
  } catch {
    // A full storage costs the reload's memory of the strip and nothing else.
  }
  build();
}

/** @param {Work} w @returns {string} what a work is called */
export function workName(w) {
  const [first, second] = w.look.styles;
  const region = w.look.regions[0];
  const outside = region && w.look.settings.background === "photo" ? null : first?.id;
  if (region && region.style !== outside) return t("withSecond", { first: styleName(region.style), second: styleName(outside) });
  if (second) return t("withSecond", { first: styleName(first?.id), second: styleName(second.id) });
  return styleName(first?.id);
}

function build() {
  show(the("results"), true);
  the("results").classList.toggle("none", kept.length === 0);
  const clock = new Intl.DateTimeFormat(chosen() === "zh" ? "zh-CN" : "en-GB", { hour: "2-digit", minute: "2-digit" });
  the("strip").replaceChildren(...kept.map((each) => item(each, clock)));
  markResult();
}

/** @param {Kept} each @param {Intl.DateTimeFormat} clock */
function item(each, clock) {
  const { result } = each;
  const name = workName(each.work);
  const label = t("bringBack", { name, time: clock.format(new Date(result.time * 1000)) });
  const open = make("button", { class: "result", "aria-label": label, title: label, "data-result": result.result }, make("img", { src: result.thumbnail, alt: "", draggable: "false" }));
  if (each.work.refined) open.append(make("span", { class: "mark" }, t("refinedMark")));
  open.addEventListener("click", () => void bringBack(each));
  const remove = iconButton(t("removeResult", { name }), "close", () => {
    kept = kept.filter((other) => other !== each);
    discard(each);
    store();
    /** @type {HTMLElement|null} */ (the("strip").querySelector("button"))?.focus();
  }, { class: "quiet bare remove" });
  return make("div", { role: "listitem" }, open, remove);
}

/** @param {Kept} each */
async function bringBack(each) {
  try {
    keepResult(each.work, each.result, await loadPicture(each.result.url));
  } catch {
    // The server has forgotten the picture: it is painted again.
  }
  change(each.work);
}

/** Show which result is on the wall. */
export function markResult() {
  const now = JSON.stringify(work());
  for (const each of kept) {
    const button = the("strip").querySelector(`[data-result="${each.result.result}"]`);
    if (JSON.stringify(each.work) === now) button?.setAttribute("aria-current", "true");
    else button?.removeAttribute("aria-current");
  }
}

/** The strip of the session's results: a click brings photo, settings and picture back. */

import { iconButton, loadPicture, make, show, the } from "./elements.js";
import { styleName } from "./gallery.js";
import { chosen, t, whenLanguage } from "./language.js";
import { keepResult } from "./painting.js";
import { change, work } from "./work.js";
/** @import { Kept, Result, Work } from "./types.js" */


const MOST = 30;
/** @type {(Kept & {pinned?: boolean})[]} newest first */
let kept = [];

/** @param {Result[]} known what the server still has */
export function openResults(known) {
  const ids = new Set(known.map((result) => result.result));
  try {
    const found = JSON.parse(localStorage.getItem("impasto.results") ?? "[]");
    kept = found.filter((/** @type {Kept} */ each) => ids.has(each.result.result));
  } catch {
    kept = [];
  }
  whenLanguage(build);
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
  if (newest && !newest.pinned && theme(newest.work) === theme(w)) kept = kept.slice(1);
  kept = [{ result, work: w }, ...kept.filter((each) => JSON.stringify(each.work) !== JSON.stringify(w))].slice(0, MOST);
  store();
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

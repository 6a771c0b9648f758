/** What the page says in passing: messages, troubles, and what it is busy with. */

import { StudioError, wasCalledOff } from "./api.js";
import { iconButton, make, show, the } from "./elements.js";
import { t } from "./language.js";

/**
 * Say something in a sentence; it goes away by itself unless it is a trouble.
 * @param {string} sentence
 * @param {{trouble?: boolean, action?: {label: string, run: () => void}}} [how]
 */
export function say(sentence, { trouble = false, action } = {}) {
  const box = the("notices");
  for (const old of box.querySelectorAll(".notice")) if (old.firstElementChild?.textContent === sentence) old.remove();
  const notice = make("div", { class: trouble ? "notice trouble" : "notice", role: trouble ? "alert" : null }, make("p", {}, sentence));
  const away = () => notice.remove();
  if (action) notice.append(make("button", { class: "plain", onclick: () => (away(), action.run()) }, action.label));
  notice.append(iconButton(t("dismiss"), "close", away));
  box.append(notice);
  while (box.children.length > 3) box.firstElementChild?.remove();
  if (!trouble) setTimeout(away, action ? 9000 : 5000);
}

/** What the server refuses it will refuse again. */
const HOPELESS = [400, 413, 415, 422];

/**
 * Say what went wrong, once, in the page's language.
 * @param {unknown} error
 * @param {() => void} [again]
 */
export function trouble(error, again) {
  if (wasCalledOff(error)) return;
  const known = error instanceof StudioError;
  if (!known) console.error(error);
  if (known && (error.status === 401 || error.status === 403)) {
    return say(t("sessionGone"), { trouble: true, action: { label: t("reload"), run: () => location.reload() } });
  }
  const hopeless = known && HOPELESS.includes(error.status);
  const action = again && !hopeless ? { label: t("tryAgain"), run: again } : undefined;
  say(known ? error.sentence : t("somethingFailed"), { trouble: true, action });
}

/** @typedef {{label: string, run: () => void}} Action */
/** @type {Map<string, {sentence: string, action?: Action}>} */
const occupied = new Map();

/**
 * Say what the page is busy with, at the top of the picture; of several the latest, thumbnails last.
 * @param {string} kind
 * @param {string|null} sentence null when it is over
 * @param {Action} [action] that ends it
 */
export function busy(kind, sentence, action) {
  occupied.delete(kind);
  if (sentence) occupied.set(kind, { sentence, action });
  const sign = the("busy");
  const order = [...occupied].sort(([one], [other]) => Number(other === "thumbnails") - Number(one === "thumbnails"));
  const last = order.at(-1)?.[1];
  show(sign, Boolean(last));
  document.body.classList.toggle("painting", occupied.has("painting"));
  if (!last) return sign.replaceChildren();
  if (!sign.firstChild) sign.append(make("span", { class: "spinner", "aria-hidden": "true" }), make("span", { class: "said" }));
  const said = /** @type {HTMLElement} */ (sign.querySelector(".said"));
  if (said.textContent !== last.sentence) said.textContent = last.sentence;
  const button = sign.querySelector("button");
  if (!last.action) return button?.remove();
  if (button?.textContent === last.action.label) return void (button.onclick = last.action.run);
  button?.remove();
  sign.append(make("button", { class: "plain", onclick: last.action.run }, last.action.label));
}

/** @param {number} seconds */
export function duration(seconds) {
  return seconds < 90 ? t("seconds", { n: Math.max(1, Math.round(seconds)) }) : t("minutes", { n: Math.round(seconds / 60) });
}

/** @param {number} bytes */
export function weight(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** The list of the keys. */

import { ask } from "./dialogs.js";
import { make } from "./elements.js";
import { t } from "./language.js";

export function showKeys() {
  const list = /** @type {[string, string][]} */ ([
    ["O", "keyOpen"],
    [t("keySpace"), "keyHold"],
    ["C", "keyCompare"],
    ["← →", "keyStyles"],
    ["R", "keyRefine"],
    ["B · E", "keyBrush"],
    ["[ · ]", "keySize"],
    ["+ · − · 0", "keyZoom"],
    ["Shift ← ↑ ↓ →", "keyPan"],
    ["Ctrl Z · Ctrl Shift Z", "undo"],
    ["D", "keyDownload"],
    ["V", "keyFilm"],
    ["W", "keyCamera"],
    ["Esc", "keyEscape"],
  ]);
  ask(t("help"), "keys", make("dl", {}, ...list.flatMap(([key, words]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, words === "undo" ? `${t("undo")}${t("listComma")}${t("redo")}` : t(words))])));
}

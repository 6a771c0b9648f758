/** The page's dialog: one at a time, Escape and a click beside it close it, focus goes back. */

import { iconButton, make, the } from "./elements.js";
import { t } from "./language.js";

const dialog = () => /** @type {HTMLDialogElement} */ (the("dialog"));

/**
 * Open a dialog.
 * @param {string} title
 * @param {string} name of its class
 * @param {...(Node|null|undefined|false)} children
 */
export function ask(title, name, ...children) {
  const box = dialog();
  if (box.open) box.close();
  box.className = name;
  box.replaceChildren(
    make("header", {}, make("h2", { id: "dialog-title" }, title), iconButton(t("close"), "close", closeDialog)),
    ...children.filter((child) => child instanceof Node),
  );
  box.onclick = (event) => {
    if (event.target === box) closeDialog();
  };
  box.showModal();
  return box;
}

export function closeDialog() {
  const box = dialog();
  if (box.open) box.close();
}

export const dialogOpen = () => dialog().open;

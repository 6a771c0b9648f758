/** The page's dialog: one at a time, Escape and a click beside it close it, focus goes back. */

import { iconButton, make, show, the } from "./elements.js";
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
  for (const image of box.querySelectorAll("img")) image.onerror = () => show(image, false);
  let pressedBeside = false;
  box.onpointerdown = (event) => (pressedBeside = isBeside(box, event));
  box.onclick = (event) => {
    if (pressedBeside && isBeside(box, event)) closeDialog();
  };
  box.showModal();
  return box;
}

/** @param {HTMLElement} box @param {MouseEvent} event @returns {boolean} whether it is on the backdrop, which is the box's, too */
function isBeside(box, { target, clientX, clientY }) {
  const { left, right, top, bottom } = box.getBoundingClientRect();
  return target === box && (clientX < left || clientX > right || clientY < top || clientY > bottom);
}

export function closeDialog() {
  const box = dialog();
  if (box.open) box.close();
}

export const dialogOpen = () => dialog().open;

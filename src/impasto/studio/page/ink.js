/** What is done to the ink of a mask as a whole. The mask is its alpha; the server is sent gray. */

/** @param {ImageData} ink @returns {boolean} */
export function isEmpty(ink) {
  for (let at = 3; at < ink.data.length; at += 4) if (ink.data[at]) return false;
  return true;
}

/** @param {ImageData} ink @returns {ImageData} */
export function inverted(ink) {
  const next = new ImageData(ink.width, ink.height);
  for (let at = 0; at < ink.data.length; at += 4) {
    next.data[at] = next.data[at + 1] = next.data[at + 2] = 255;
    next.data[at + 3] = 255 - ink.data[at + 3];
  }
  return next;
}

/** @param {ImageData} ink @returns {ImageData} */
export function grayOf(ink) {
  const gray = new ImageData(ink.width, ink.height);
  for (let at = 0; at < ink.data.length; at += 4) {
    gray.data[at] = gray.data[at + 1] = gray.data[at + 2] = ink.data[at + 3];
    gray.data[at + 3] = 255;
  }
  return gray;
}

/** What is done to a mask as a whole. The mask is the alpha of the ink; the server is sent gray. */

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

/**
 * Return the mask in gray, its edge softened: three means over 2 r + 1 pixels, nearly a Gaussian.
 * @param {ImageData} ink
 * @param {number} feather 0 to 100: the softened edge's half width, in thousandths of the long side
 * @returns {ImageData}
 */
export function feathered(ink, feather) {
  const { width, height } = ink;
  let values = new Float32Array(width * height);
  for (let at = 0; at < values.length; at++) values[at] = ink.data[4 * at + 3];
  const radius = Math.round(((feather / 1000) * Math.max(width, height)) / 2);
  if (radius > 0) {
    for (let round = 0; round < 3; round++) {
      values = means(values, width, height, radius, 1, width);
      values = means(values, height, width, radius, width, 1);
    }
  }
  const gray = new ImageData(width, height);
  for (let at = 0; at < values.length; at++) {
    gray.data[4 * at] = gray.data[4 * at + 1] = gray.data[4 * at + 2] = Math.round(values[at]);
    gray.data[4 * at + 3] = 255;
  }
  return gray;
}

/**
 * Means along lines; beyond its ends a line goes on as it ends.
 * @param {Float32Array} values
 * @param {number} length of a line
 * @param {number} lines
 * @param {number} radius
 * @param {number} along from one value of a line to the next
 * @param {number} across from one line to the next
 */
function means(values, length, lines, radius, along, across) {
  const result = new Float32Array(values.length);
  for (let line = 0; line < lines; line++) {
    const start = line * across;
    const at = (/** @type {number} */ index) => values[start + Math.min(length - 1, Math.max(0, index)) * along];
    let sum = 0;
    for (let index = -radius; index <= radius; index++) sum += at(index);
    for (let index = 0; index < length; index++) {
      result[start + index * along] = sum / (2 * radius + 1);
      sum += at(index + radius + 1) - at(index - radius);
    }
  }
  return result;
}

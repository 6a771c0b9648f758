/**
 * Gets the pictures of what is worked on, and shows the best that is there.
 *
 * The exact picture of a look is asked for once a change is settled; the pictures at four strengths follow in
 * the idle time. While a slider moves, what is seen is made of these on the canvas, without the server.
 */

import { ownError, send, stream, wasCalledOff } from "./api.js";
import { still } from "./canvas.js";
import { loadPicture } from "./elements.js";
import { FINISH, isPlain, without } from "./settings.js";
import { setting, work } from "./work.js";
/** @import { Scene } from "./canvas.js" */
/** @import { Look, Result, Work } from "./types.js" */


export const STRENGTHS = [25, 50, 75, 100];
const MOST = 24;

/** A map that forgets what was not used for longest. @template V */
class Recent {
  /** @param {number} most */
  constructor(most) {
    this.most = most;
    /** @type {Map<string, V>} */
    this.kept = new Map();
  }
  /** @param {string} key @returns {V|undefined} */
  get(key) {
    const value = this.kept.get(key);
    if (value !== undefined) this.kept.delete(key), this.kept.set(key, value);
    return value;
  }
  /** @param {string} key @param {V} value */
  set(key, value) {
    this.kept.set(key, value);
    const [oldest] = this.kept.keys();
    if (this.kept.size > this.most && oldest !== undefined) this.kept.delete(oldest);
  }
}

/** @type {Recent<HTMLImageElement>} */
const photos = new Recent(4);
/** @type {Recent<{image: HTMLImageElement, result: Result|undefined}>} */
const exact = new Recent(MOST);
/** @type {Recent<Map<number, HTMLImageElement>>} */
const frames = new Recent(6);
/** @type {AbortController|null} */
let running = null;

/** The long side of what is painted on screen, in pixels. */
export const screen = { side: Number(localStorage.getItem("impasto.side")) || 512 };

/** @param {Work} w */
const photoKey = (w) => `${w.photo?.photo} ${screen.side}`;
/** @param {Work} w @param {Look} [look] */
const exactKey = (w, look = w.look) => `${photoKey(w)} ${w.refined} ${JSON.stringify(look)}`;
/** @param {Look} look */
const unfinished = (look) => without(look, ["strength", ...FINISH]);
/** @param {Work} w @param {Look} [look] */
const framesKey = (w, look = w.look) => `${photoKey(w)} ${JSON.stringify(unfinished(look))}`;

/** @param {Work} w @returns {boolean} whether there is anything to paint: a photo, and not in all its parts itself */
export function isPainted({ photo, look }) {
  const parts = [...look.regions.map((region) => region.style), look.settings.background === "photo" && look.regions.length ? null : look.styles[0]?.id];
  return Boolean(photo) && look.styles.length > 0 && parts.some(Boolean);
}

/** @param {Work} w @returns {Promise<HTMLImageElement>} */
async function photoPicture(w) {
  const key = photoKey(w);
  const known = photos.get(key);
  if (known) return known;
  const image = await loadPicture(`/api/photos/${w.photo?.photo}/picture?side=${screen.side}`).catch(() => {
    throw ownError("not-found", "photoGone", {}, 404); // a picture does not say why
  });
  photos.set(key, image);
  return image;
}

/** @param {Look} look */
function finishOf(look) {
  const value = (/** @type {string} */ name) => Number(look.settings[name] ?? 0);
  return { exposure: value("exposure"), contrast: value("contrast"), saturation: value("saturation"), film_grain: value("film_grain"), seed: value("seed") };
}

/**
 * Return the best scene that can be drawn now of what is worked on, and whether it is the exact picture.
 * @returns {{scene: Scene|null, exact: boolean}}
 */
export function sceneNow() {
  const w = work();
  const photo = photos.get(photoKey(w));
  if (!photo) return { scene: null, exact: false };
  if (!isPainted(w)) return { scene: { ...still(photo), finish: finishOf(w.look) }, exact: true };
  const whole = exact.get(exactKey(w));
  if (whole) return { scene: still(photo, whole.image), exact: true };
  const plain = exact.get(exactKey(w, without(w.look)));
  if (plain) return { scene: { ...still(photo, plain.image), finish: finishOf(w.look) }, exact: false };
  if (w.refined) return { scene: null, exact: false };
  return { scene: crossfade(w, photo), exact: false };
}

/** @param {Work} w @param {HTMLImageElement} photo @returns {Scene|null} */
function crossfade(w, photo) {
  let chroma = false;
  let found = frames.get(framesKey(w));
  if (!found?.size && w.look.settings.colors === "content") {
    found = frames.get(framesKey(w, without(w.look, ["colors"])));
    chroma = true;
  }
  if (!found?.size) return null;
  const strength = Number(setting("strength") ?? 50);
  const steps = [...found.keys()].sort((a, b) => a - b);
  const above = steps.find((step) => step >= strength) ?? steps[steps.length - 1] ?? 100;
  const below = steps.filter((step) => step < above).at(-1) ?? 0;
  const one = below ? found.get(below) : photo;
  const other = found.get(above);
  if (!one || !other) return null;
  const mixing = Math.min(1, Math.max(0, (strength - below) / (above - below)));
  return { photo, one, other, mixing, chroma, finish: finishOf(w.look) };
}

/** @param {string} key @param {number} strength @param {HTMLImageElement} image */
function keepFrame(key, strength, image) {
  const known = frames.get(key) ?? new Map();
  known.set(strength, image);
  frames.set(key, known);
}

/**
 * What the painter tells: what it is busy with, new pictures, results and troubles.
 * @typedef {{busy: (what: null|{what: string, position?: number}) => void, drawn: () => void,
 *   result: (result: Result, w: Work) => void, trouble: (error: unknown) => void}} Listener
 */

/** Call off what is being painted. */
export function callOff() {
  running?.abort();
  running = null;
}

/**
 * Get the exact picture of what is worked on, then the strengths around it. A newer call ends an older one.
 * @param {Listener} listener
 */
export async function paint(listener) {
  callOff();
  const controller = (running = new AbortController());
  const w = work();
  if (!w.photo) return listener.busy(null);
  try {
    await photoPicture(w);
    listener.drawn();
    if (!isPainted(w) || controller.signal.aborted) return listener.busy(null);
    await paintExactly(w, controller.signal, listener);
    listener.busy(null);
    if (!w.refined) await paintStrengths(w, controller.signal, listener);
  } catch (error) {
    if (!wasCalledOff(error)) {
      listener.busy(null);
      listener.trouble(error);
    }
  } finally {
    if (running === controller) running = null;
  }
}

/** @param {Work} w @param {AbortSignal} signal @param {Listener} listener */
async function paintExactly(w, signal, listener) {
  if (exact.get(exactKey(w))) return;
  listener.busy({ what: "painting" });
  const body = { photo: w.photo?.photo, look: w.look, side: screen.side, strengths: null, ...(w.refined ? { result: w.refined } : {}) };
  for await (const [name, data] of stream("/api/pastiches", body, signal)) {
    if (name === "queued") listener.busy({ what: "queued", position: data.position });
    else if (name === "busy") listener.busy({ what: data.what });
    else if (name === "result") {
      const image = await loadPicture(data.url);
      keepResult(w, data, image);
      if (!w.refined && isPlain(w.look)) keepFrame(framesKey(w), Number(w.look.settings.strength ?? setting("strength")), image);
      listener.drawn();
      listener.result(data, w);
    }
  }
}

/**
 * @param {Work} w
 * @param {Result} result
 * @param {HTMLImageElement} image
 */
export const keepResult = (w, result, image) => exact.set(exactKey(w), { image, result });

/** @param {Work} w @returns {Result|undefined} the result that is this work's exact picture */
export const resultOf = (w) => exact.get(exactKey(w))?.result;

/** @param {Work} w @param {AbortSignal} signal @param {Listener} listener */
async function paintStrengths(w, signal, listener) {
  const key = framesKey(w);
  const missing = STRENGTHS.filter((strength) => !frames.get(key)?.has(strength));
  if (!missing.length) return;
  const body = { photo: w.photo?.photo, look: unfinished(w.look), side: screen.side, strengths: missing };
  for await (const [name, data] of stream("/api/pastiches", body, signal)) {
    if (name !== "frame") continue;
    keepFrame(key, data.strength, await loadPicture(data.url));
    listener.drawn();
  }
}

/**
 * Go on with the optimization from what is seen.
 * @param {number} iterations
 * @param {AbortSignal} signal
 * @param {(name: string, data: any) => Promise<void>|void} tell
 */
export async function refine(iterations, signal, tell) {
  const w = work();
  callOff();
  const from = resultOf(w)?.result ?? null;
  const body = { photo: w.photo?.photo, look: without(w.look), side: screen.side, iterations, from: isPlain(w.look) ? from : null };
  for await (const [name, data] of stream("/api/refinements", body, signal)) await tell(name, data);
}

/** Ask the server to stop a run and keep what is there. @param {string} run */
export const stopRun = (run) => send("/api/stop", { run });

/** Forget a result that is removed; its picture stays. @param {string} id */
export function forgetResult(id) {
  for (const known of exact.kept.values()) if (known.result?.result === id) known.result = undefined;
}

/** Forget all pictures in a style, whose name may come to mean another one. @param {string} id */
export function forgetStyle(id) {
  for (const { kept } of [exact, frames]) {
    for (const key of kept.keys()) if (key.includes(JSON.stringify(id))) kept.delete(key);
  }
}

/** Puts the page together: the server's offer, what is worked on, and what is seen. */

import { get, isLost, StudioError } from "./api.js";
import { FIRST, row } from "./controls.js";
import { button, input, later, show, the } from "./elements.js";
import { newPhoto, openGallery, streamThumbnails, take } from "./gallery.js";
import { listenToKeys } from "./keys.js";
import { apply, choose, chosen, t, whenLanguage } from "./language.js";
import { busy, say, trouble } from "./notices.js";
import { goOn, openPhoto, prepareOpening } from "./opening.js";
import { callOff, isPainted, paint, sceneNow, screen } from "./painting.js";
import { collect, markResult, openResults, workName } from "./results.js";
import { offer } from "./settings.js";
import { prepareTheme } from "./theme.js";
import { still } from "./canvas.js";
import { Viewer } from "./viewer.js";
import { canRedo, canUndo, change, redo, undo, whenWork, work } from "./work.js";
/** @import { Listener } from "./painting.js" */
/** @import { ServerState } from "./types.js" */

/** @type {ServerState} */
let server;
/** @type {Viewer} */
let viewer;
/** The photo whose thumbnails are in the gallery, or the video; and the one for which they were begun. */
/** @type {string|null} */
let thumbnailed = null;
/** @type {string|null} */
let begun = null;

const download = later(() => import("./download.js"));
const film = later(async () => new (await import("./film.js")).FilmBar(viewer, server.films));
const mask = later(async () => new (await import("./mask.js")).MaskEditor(viewer));
const refinement = later(async () => {
  const { Refinement } = await import("./refinement.js");
  return new Refinement(viewer, { progress: (progress) => finer.now?.showRefine(progress), ended: () => (draw(), paintSoon(0)) });
});
const camera = later(async () => {
  const toggle = button("camera");
  return new (await import("./camera.js")).Camera(viewer, {
    began: () => {
      callOff();
      refinement.now?.callOff();
      show(the("welcome"), false);
      document.body.classList.remove("empty", "inexact");
      toggle.setAttribute("aria-pressed", "true");
    },
    ended: () => {
      toggle.setAttribute("aria-pressed", "false");
      draw();
      paintSoon(0);
    },
    taken: (file) => void openPhoto(file),
  });
});
const finer = later(async () => {
  const panel = await import("./finer.js");
  void mask().catch(() => undefined); // Fetched before it is asked for: who presses the brush draws at once.
  panel.openFiner({
    refine: (rounds) => void refine(rounds).catch(trouble),
    stop: () => refinement.now?.stop(),
    editMask: () => void editMask().catch(trouble),
    findSubject: () => void editMask().then((editor) => (editor.choose("add"), editor.findSubject())).catch(trouble),
    removeMask: () => void mask().then((editor) => editor.remove(), trouble),
    screenSize: (side) => {
      screen.side = side;
      localStorage.setItem("impasto.side", String(side));
      paintSoon(0);
    },
  });
  return panel;
});

async function editMask() {
  const editor = await mask();
  await editor.open();
  return editor;
}

/** @param {number} rounds */
const refine = async (rounds) => (await refinement()).begin(rounds);

/** Draw the best picture of what is worked on. */
function draw() {
  const w = work();
  if (refinement.now?.running || camera.now?.on) return;
  show(the("welcome"), !w.photo);
  document.body.classList.toggle("empty", !w.photo);
  const { scene, exact } = sceneNow();
  if (scene) viewer.show(scene);
  else if (!w.photo) viewer.show(null);
  document.body.classList.toggle("inexact", !exact);
  viewer.describe(!w.photo ? "" : isPainted(w) ? t("picture", { style: workName(w) }) : t("pictureOfPhoto", { name: w.photo.name }));
}

/** @type {Listener} */
const listener = {
  busy: (what) => {
    const words = { engine: "busyEngine", style: "busyStyle", network: "busyNetwork", painting: "busyPainting", queued: "busyQueued" };
    const key = what && (words[/** @type {keyof typeof words} */ (what.what)] ?? "busyPainting");
    busy("painting", key ? t(key, { position: what?.position }) : null);
    if (!what) thumbnails();
  },
  drawn: draw,
  result: (result, w) => {
    collect(result, w);
    for (const note of result.notes ?? []) console.info(note);
  },
  trouble: (error) => {
    draw();
    if (isLost(error)) void import("./lost.js").then(({ mendLost }) => mendLost(error)).catch(trouble);
    else trouble(error, () => void paint(listener));
  },
};

/** Show the gallery as thumbnails of the photo, once for each photo. */
function thumbnails() {
  const { photo } = work();
  const id = photo?.photo;
  const key = photo?.video?.video ?? id;
  if (!id || !key || key === thumbnailed) return;
  if (key !== begun) newPhoto();
  thumbnailed = begun = key;
  void streamThumbnails(id).then((whole) => whole || key !== thumbnailed || (thumbnailed = null));
}

/** @param {{settled: boolean}} how */
function worked({ settled }) {
  if (camera.now?.on && work().photo?.photo !== camera.now.before) camera.now.end();
  draw();
  if (!settled) {
    if (!sceneNow().scene) paintSoon(160);
    return;
  }
  refinement.now?.callOff();
  if (work().photo?.video) void film().catch(trouble);
  button("undo").disabled = !canUndo();
  button("redo").disabled = !canRedo();
  button("download").disabled = !isPainted(work());
  markResult();
  paintSoon(0);
}

/** @type {number|undefined} */
let soon;
/** @param {number} after milliseconds */
function paintSoon(after) {
  clearTimeout(soon);
  if (camera.now?.on) return;
  soon = window.setTimeout(() => void paint(listener), after);
}

function buildControls() {
  the("first").replaceChildren(...FIRST.map(row).filter((each) => each !== null));
}

function listenToBar() {
  button("undo").addEventListener("click", undo);
  button("redo").addEventListener("click", redo);
  button("download").addEventListener("click", () => void download().then(({ askDownload }) => askDownload(server.formats), trouble));
  button("camera").addEventListener("click", () => void camera().then((made) => (made.asked ? made.end() : made.begin()), trouble));
  button("language").addEventListener("click", () => choose(chosen() === "zh" ? "en" : "zh"));
  whenLanguage(() => {
    const language = button("language");
    language.textContent = t("otherLanguage");
    language.setAttribute("aria-label", t("switchLanguage"));
    language.lang = chosen() === "zh" ? "en" : "zh-Hans";
  });
  prepareTheme();
}

function listenToFiner() {
  const toggle = button("finer-toggle");
  const open = (/** @type {boolean} */ on) => {
    if (on) finer().catch(trouble);
    show(the("finer"), on);
    toggle.setAttribute("aria-expanded", String(on));
    localStorage.setItem("impasto.finer", String(on));
  };
  toggle.addEventListener("click", () => open(Boolean(the("finer").hidden)));
  open(localStorage.getItem("impasto.finer") === "true");
}

function listenToTabs() {
  const tabs = /** @type {NodeListOf<HTMLButtonElement>} */ (the("tabs").querySelectorAll("button"));
  const choose = (/** @type {string} */ name) => {
    document.body.dataset.tab = name;
    if (name === "finer") finer().catch(trouble);
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.tab === name));
  };
  for (const tab of tabs) tab.addEventListener("click", () => choose(tab.dataset.tab ?? "styles"));
  choose("styles");
}

/** Begin with the camera and its style, where the address asks for it. */
async function startCamera() {
  if (!new URLSearchParams(location.search).has("camera")) return;
  if (server.camera.style) take(server.camera.style);
  await (await camera()).begin();
}

/** Say how the engine is, until it is ready; notice when the server is gone and when it is back. */
async function watchEngine() {
  const sign = the("engine");
  let wait = 500;
  let gone = false;
  for (;;) {
    try {
      const { engine } = await get("/health");
      show(sign, engine !== "ready");
      sign.textContent = engine === "failed" ? t("engineFailed") : t("engineLoading");
      sign.classList.toggle("bad", engine === "failed");
      if (gone) await comeBack();
      gone = false;
      wait = engine === "ready" ? 20_000 : 500;
    } catch {
      gone = true;
      show(sign, true);
      sign.textContent = t("offline");
      sign.classList.add("bad");
      wait = 2000;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** Go on after the server was gone; one that was started anew has another session for the page. */
async function comeBack() {
  try {
    await get("/api/state");
    say(t("backAgain"));
  } catch (error) {
    if (error instanceof StudioError && error.status === 401) location.reload();
    else throw error;
  }
}

async function start() {
  listenToBar();
  apply();
  viewer = new Viewer();
  server = await get("/api/state");
  offer(server.controls);
  openGallery(server.styles, {
    addStyle: () => input("style-file").click(),
    busy: (done, all) => busy("thumbnails", done < all ? t("busyThumbnails", { done, all }) : null),
    trouble,
  });
  openResults(server.results, server.photos);
  whenLanguage(buildControls);
  listenToFiner();
  listenToTabs();
  prepareOpening({ ...server, preview: (image) => (show(the("welcome"), false), viewer.show(still(image))) });
  listenToKeys(viewer, mask, {
    brush: () => void editMask().catch(trouble),
    refine: () => (refinement.now?.running ? refinement.now.stop() : void refine(40).catch(trouble)),
    film: () => void film().then((bar) => bar.ask(), trouble),
  });
  whenWork(worked);
  whenWork(({ settled }) => settled && !work().photo && mask.now?.close());
  void watchEngine();
  await goOn(server.photos);
  worked({ settled: true });
  whenLanguage(draw);
  document.documentElement.dataset.ready = "true";
  await startCamera();
}

start().catch((error) => trouble(error, () => location.reload()));

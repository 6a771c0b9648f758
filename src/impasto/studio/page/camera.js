/**
 * The camera: its frames are sent one at a time, the latest first, and the painted ones are shown.
 *
 * No frame waits: the next one is taken when the last one has been seen.
 */

import { stream, StudioError, wasCalledOff } from "./api.js";
import { still } from "./canvas.js";
import { icon, loadPicture, make, show, the } from "./elements.js";
import { t, whenLanguage } from "./language.js";
import { say, trouble } from "./notices.js";
import { withSetting } from "./settings.js";
import { work } from "./work.js";
/** @import { Look } from "./types.js" */
/** @import { Viewer } from "./viewer.js" */

const SIDES = [256, 320, 448, 640];
const USUAL_SIDE = 320;
/** Paintings of which the pace is told. */
const COUNTED = 12;

export class Camera {
  /**
   * @param {Viewer} viewer
   * @param {{began: () => void, ended: () => void, taken: (file: File) => void}} hooks
   */
  constructor(viewer, hooks) {
    this.viewer = viewer;
    this.hooks = hooks;
    this.video = /** @type {HTMLVideoElement} */ (make("video", { muted: true, playsinline: true }));
    this.video.muted = true;
    /** @type {MediaStream|null} */
    this.stream = null;
    /** Set from when the camera is asked for until it is let go. @type {object|null} */
    this.asked = null;
    this.side = Number(localStorage.getItem("impasto.cameraSide")) || USUAL_SIDE;
    /** When the latest paintings were seen, in milliseconds. @type {number[]} */
    this.seen = [];
    /** @type {AbortController|null} */
    this.asking = null;
    /** The photo that was worked on before. @type {string|undefined} */
    this.before = undefined;
    whenLanguage(() => this.#build());
  }

  get on() {
    return this.stream !== null;
  }

  /** Ask for the camera and begin. */
  async begin() {
    if (this.asked) return;
    if (!navigator.mediaDevices) return say(t("cameraInsecure"), { trouble: true });
    const asked = (this.asked = {});
    /** @type {MediaStream} */
    let stream;
    try {
      const wish = { video: { width: { ideal: 1280 }, height: { ideal: 720 } }, audio: false };
      stream = await navigator.mediaDevices.getUserMedia(wish);
    } catch (error) {
      if (this.asked !== asked) return;
      this.asked = null;
      return say(t(reason(error)), { trouble: true, action: { label: t("tryAgain"), run: () => void this.begin() } });
    }
    if (this.asked !== asked) return release(stream);
    this.stream = stream;
    stream.getVideoTracks()[0]?.addEventListener("ended", () => this.end());
    this.video.srcObject = stream;
    await this.video.play().catch(() => undefined); // Let go before it began to play.
    if (this.asked !== asked) return;
    this.seen = [];
    this.before = work().photo?.photo;
    this.#build();
    this.hooks.began();
    void this.#follow();
  }

  /** Let the camera go. */
  end() {
    this.asked = null;
    if (!this.stream) return;
    release(this.stream);
    this.stream = null;
    this.video.srcObject = null;
    this.asking?.abort();
    this.#build();
    this.hooks.ended();
  }

  #build() {
    show(the("camera-bar"), this.on);
    document.body.classList.toggle("camera", this.on);
    if (!this.on) return the("camera-bar").replaceChildren();
    const size = /** @type {HTMLSelectElement} */ (make("select", { id: "camera-side", "aria-label": t("size") }, ...SIDES.map((side) => make("option", { value: side }, t("pixels", { n: side })))));
    size.value = String(this.side);
    size.addEventListener("change", () => {
      this.side = Number(size.value);
      localStorage.setItem("impasto.cameraSide", size.value);
    });
    the("camera-bar").replaceChildren(
      make("span", { id: "camera-pace", role: "status" }, t("cameraBegins")),
      size,
      make("button", { class: "plain", id: "camera-end", onclick: () => this.end() }, icon("stop"), make("span", {}, t("cameraEnd"))),
      make("button", { class: "primary", id: "camera-take", onclick: () => void this.take() }, icon("camera"), make("span", {}, t("cameraTake"))));
    this.viewer.layOut();
  }

  /** Take frame after frame until the camera is let go. */
  async #follow() {
    const { stream } = this;
    while (this.stream === stream) {
      await new Promise((resolve) => requestAnimationFrame(resolve)); // stands still in a page that nobody sees
      if (!this.video.videoWidth) continue;
      try {
        await this.#paint(cameraLook());
      } catch (error) {
        if (wasCalledOff(error)) continue;
        trouble(error);
        if (!(error instanceof StudioError) || error.status) return this.end();
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    }
  }

  /** @param {Look} look */
  async #paint(look) {
    const address = this.#frame(this.side).toDataURL("image/jpeg", 0.9);
    const photo = await loadPicture(address);
    if (!look.styles.length) return this.#see(photo, photo);
    this.asking = new AbortController();
    const body = { picture: address, look, side: this.side };
    for await (const [name, data] of stream("/api/camera", body, this.asking.signal)) {
      if (name === "busy") the("camera-pace").textContent = t("busyEngine");
      if (name === "queued") the("camera-pace").textContent = t("busyQueued", data);
      if (name === "painted") this.#see(photo, await loadPicture(data.picture));
    }
  }

  /** @param {HTMLImageElement} photo @param {HTMLImageElement} painting */
  #see(photo, painting) {
    if (!this.on) return;
    this.viewer.show(still(photo, painting));
    this.seen = [...this.seen, performance.now()].slice(-COUNTED);
    const [first, last] = [this.seen[0], this.seen.at(-1)];
    if (first === undefined || last === undefined || this.seen.length < 3) return;
    const rate = (1000 * (this.seen.length - 1)) / (last - first);
    the("camera-pace").textContent = t("cameraPace", { rate: rate.toFixed(1) });
  }

  /** @param {number} side @returns {HTMLCanvasElement} what the camera sees now, its long side at most so many pixels */
  #frame(side) {
    const { videoWidth: width, videoHeight: height } = this.video;
    const scale = Math.min(1, side / Math.max(width, height));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    canvas.getContext("2d")?.drawImage(this.video, 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  /** Take what the camera sees as the photo, in its full size, and let the camera go. */
  async take() {
    if (!this.video.videoWidth) return;
    const canvas = this.#frame(Infinity);
    /** @type {Blob|null} */
    const data = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    this.end();
    if (data) this.hooks.taken(new File([data], "camera.png", { type: "image/png" }));
  }
}

/** @param {MediaStream} stream */
const release = (stream) => stream.getTracks().forEach((track) => track.stop());

/** @returns {Look} the look of what is worked on, without parts, which are a photo's */
function cameraLook() {
  const { look } = work();
  return { ...look, regions: [], settings: withSetting(look.settings, "background", "style") };
}

/** @param {unknown} error @returns {string} the words for a camera that does not come */
function reason(error) {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return "cameraForbidden";
  return name === "NotFoundError" ? "cameraNone" : "cameraFails";
}

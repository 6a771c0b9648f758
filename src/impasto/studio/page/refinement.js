/** Going on with the optimization from what is seen, live, with a stop that stops. */

import { still } from "./canvas.js";
import { loadPicture } from "./elements.js";
import { t } from "./language.js";
import { busy, duration, say, trouble } from "./notices.js";
import { isPainted, keepResult, refine, sceneNow, stopRun } from "./painting.js";
import { collect } from "./results.js";
import { without } from "./settings.js";
import { change, work } from "./work.js";
/** @import { Progress } from "./finer.js" */
/** @import { Result, Work } from "./types.js" */
/** @import { Viewer } from "./viewer.js" */

/** @typedef {{controller: AbortController, id: string|null}} Run */

export class Refinement {
  /**
   * @param {Viewer} viewer
   * @param {{progress: (progress: Progress|null) => void, ended: () => void}} hooks
   */
  constructor(viewer, hooks) {
    this.viewer = viewer;
    this.hooks = hooks;
    /** @type {Run|null} */
    this.running = null;
    /** @type {Progress} */
    this.progress = { iteration: 0, iterations: 1, left: "", losses: [] };
  }

  /** @param {number} iterations */
  async begin(iterations) {
    const w = work();
    if (this.running || !isPainted(w)) return;
    const run = (this.running = /** @type {Run} */ ({ controller: new AbortController(), id: null }));
    this.progress = { iteration: 0, iterations, left: "", losses: [] };
    this.#tell();
    /** @type {Work|null} */
    let finished = null;
    try {
      await refine(iterations, run.controller.signal, async (name, data) => {
        if (name === "run") run.id = data.run;
        else if (name === "result") finished = await this.#keep(data, w);
        else if (this.running !== run) return;
        else if (name === "queued") this.#tell(t("busyQueued", data));
        else if (name === "step") await this.#step(data, run);
      });
    } catch (error) {
      if (this.running === run) trouble(error, () => void this.begin(iterations));
    }
    if (this.running !== run) return;
    this.#over();
    if (finished) change(finished);
    else this.hooks.ended();
  }

  #over() {
    this.running = null;
    busy("refining", null);
    this.hooks.progress(null);
  }

  /** @param {any} data @param {Run} run */
  async #step(data, run) {
    const { iteration, iterations, losses, seconds_left: left } = data;
    this.progress = {
      iteration,
      iterations,
      left: left === null || left === undefined ? "" : t("timeLeft", { time: duration(left) }),
      losses: [...this.progress.losses, { style: losses.style, content: losses.content }].slice(-400),
    };
    this.#tell();
    const photo = sceneNow().scene?.photo ?? this.viewer.picture.scene?.photo;
    if (!data.url || !photo) return;
    const painting = await loadPicture(data.url);
    if (this.running === run) this.viewer.show(still(photo, painting));
  }

  /**
   * @param {Result} result
   * @param {Work} w
   */
  async #keep(result, w) {
    const plain = { ...w, look: without(w.look), refined: result.result };
    keepResult(plain, result, await loadPicture(result.url));
    collect(result, plain);
    say(t("refined", { n: result.iterations }));
    return { ...w, refined: result.result };
  }

  /** @param {string} [instead] */
  #tell(instead) {
    const { iteration, left } = this.progress;
    const parts = [t("busyRefining"), iteration ? t("refineStep", this.progress) : "", left].filter(Boolean);
    busy("refining", instead ?? parts.join(" · "), { label: t("stop"), run: () => this.stop() });
    this.hooks.progress(this.progress);
  }

  /** Stop within an iteration; what is there is kept. */
  stop() {
    if (this.running?.id) stopRun(this.running.id).catch(trouble);
    else this.running?.controller.abort();
  }

  /** Leave it for something else; what is there comes into the strip. */
  callOff() {
    if (!this.running) return;
    this.stop();
    this.#over();
  }
}

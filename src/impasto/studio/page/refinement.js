/** Going on with the optimization from what is seen, live, with a stop that stops. */

import { wasCalledOff } from "./api.js";
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

export class Refinement {
  /**
   * @param {Viewer} viewer
   * @param {{progress: (progress: Progress|null) => void, ended: () => void}} hooks
   */
  constructor(viewer, hooks) {
    this.viewer = viewer;
    this.hooks = hooks;
    /** @type {AbortController|null} */
    this.running = null;
    /** @type {string|null} */
    this.run = null;
    /** @type {Progress} */
    this.progress = { iteration: 0, iterations: 1, left: "", losses: [] };
  }

  /** @param {number} iterations */
  async begin(iterations) {
    const w = work();
    if (this.running || !isPainted(w)) return;
    const controller = (this.running = new AbortController());
    this.run = null;
    this.progress = { iteration: 0, iterations, left: "", losses: [] };
    this.#tell();
    /** @type {Work|null} */
    let finished = null;
    try {
      await refine(iterations, controller.signal, async (name, data) => {
        if (name === "run") this.run = data.run;
        else if (name === "queued") this.#tell(t("busyQueued", data));
        else if (name === "step") await this.#step(data);
        else if (name === "result") finished = await this.#keep(data, w);
      });
    } catch (error) {
      if (!wasCalledOff(error)) trouble(error, () => void this.begin(iterations));
    }
    this.running = null;
    busy("refining", null);
    this.hooks.progress(null);
    if (finished) change(finished);
    else this.hooks.ended();
  }

  /** @param {any} data */
  async #step(data) {
    const { iteration, iterations, losses, seconds_left: left } = data;
    this.progress = {
      iteration,
      iterations,
      left: left === null || left === undefined ? "" : t("timeLeft", { time: duration(left) }),
      losses: [...this.progress.losses, { style: losses.style, content: losses.content }].slice(-400),
    };
    this.#tell();
    const photo = sceneNow().scene?.photo ?? this.viewer.picture.scene?.photo;
    if (data.url && photo) this.viewer.show(still(photo, await loadPicture(data.url)));
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
    if (!this.running) return;
    if (this.run) stopRun(this.run).catch(trouble);
    else this.running.abort();
  }

  /** End it without a word: something else is wanted. */
  callOff() {
    this.running?.abort();
  }
}

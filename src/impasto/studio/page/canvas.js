/**
 * Draws the picture: two pictures crossfaded, the photo's colors, light and grain, before and after.
 *
 * On the graphics card where there is one; without it the crossfade and before/after are drawn, and light and
 * grain are seen when the server has answered.
 */

import { FRAGMENT, VERTEX } from "./shader.js";

/**
 * What is drawn.
 * @typedef {{photo: HTMLImageElement, one: HTMLImageElement, other: HTMLImageElement, mixing: number, chroma: boolean,
 *   finish: {exposure: number, contrast: number, saturation: number, film_grain: number, seed: number}}} Scene
 */

const NO_FINISH = { exposure: 0, contrast: 0, saturation: 0, film_grain: 0, seed: 0 };
const UNIFORMS = ["photo", "one", "other", "mixing", "split", "exposure", "contrast", "saturation", "grain", "chroma", "plain", "size", "seed"];

export class PictureCanvas {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {Scene|null} */
    this.scene = null;
    this.split = 0;
    this.plain = false;
    this.gl = canvas.getContext("webgl2", { alpha: false, antialias: false, preserveDrawingBuffer: true });
    this.flat = this.gl ? null : canvas.getContext("2d");
    if (this.gl) this.#prepare(this.gl);
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      if (this.gl) this.#prepare(this.gl);
      this.draw();
    });
  }

  /** @param {WebGL2RenderingContext} gl */
  #prepare(gl) {
    const program = gl.createProgram();
    for (const [kind, text] of /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]])) {
      const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(program) ?? "shader");
    gl.useProgram(program);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    const corner = gl.getAttribLocation(program, "corner");
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
    /** @type {Record<string, WebGLUniformLocation|null>} */
    this.places = Object.fromEntries(UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]));
    ["photo", "one", "other"].forEach((name, unit) => gl.uniform1i(this.places?.[name] ?? null, unit));
    /** @type {Map<HTMLImageElement, WebGLTexture>} */
    this.textures = new Map();
  }

  /** @param {Scene|null} scene */
  show(scene) {
    this.scene = scene;
    this.draw();
  }

  draw() {
    const { scene, canvas } = this;
    if (!scene) return;
    const { naturalWidth: width, naturalHeight: height } = scene.one;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    if (this.gl) this.#drawOnCard(this.gl, scene);
    else this.#drawFlat(scene);
  }

  /** @param {WebGL2RenderingContext} gl @param {Scene} scene */
  #drawOnCard(gl, scene) {
    const places = this.places ?? {};
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    [scene.photo, scene.one, scene.other].forEach((image, unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, this.#texture(gl, image));
    });
    gl.uniform1f(places.mixing, scene.mixing);
    gl.uniform1f(places.split, this.split);
    gl.uniform1f(places.exposure, scene.finish.exposure);
    gl.uniform1f(places.contrast, scene.finish.contrast);
    gl.uniform1f(places.saturation, scene.finish.saturation);
    gl.uniform1f(places.grain, scene.finish.film_grain);
    gl.uniform1i(places.chroma, Number(scene.chroma));
    gl.uniform1i(places.plain, Number(this.plain));
    gl.uniform1ui(places.seed, scene.finish.seed);
    gl.uniform2f(places.size, this.canvas.width, this.canvas.height);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  /** @param {WebGL2RenderingContext} gl @param {HTMLImageElement} image */
  #texture(gl, image) {
    const textures = /** @type {Map<HTMLImageElement, WebGLTexture>} */ (this.textures);
    let texture = textures.get(image);
    if (texture) {
      textures.delete(image);
    } else {
      texture = gl.createTexture();
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
      for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.LINEAR);
      for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
      const [oldest] = textures.keys();
      if (textures.size >= 12 && oldest) {
        gl.deleteTexture(textures.get(oldest) ?? null);
        textures.delete(oldest);
      }
    }
    textures.set(image, texture);
    return texture;
  }

  /** @param {Scene} scene */
  #drawFlat(scene) {
    const { width, height } = this.canvas;
    const flat = this.flat;
    if (!flat) return;
    /** @param {HTMLImageElement} image @param {number} share @param {number} left */
    const lay = (image, share, left = 0) => {
      flat.globalAlpha = share;
      const from = left * image.naturalWidth;
      flat.drawImage(image, from, 0, image.naturalWidth - from, image.naturalHeight, left * width, 0, width - left * width, height);
      flat.globalAlpha = 1;
    };
    lay(scene.photo, 1);
    if (this.plain) return;
    lay(scene.one, 1, this.split);
    if (scene.mixing > 0) lay(scene.other, scene.mixing, this.split);
  }
}

/**
 * Return a scene of one picture as it is.
 * @param {HTMLImageElement} photo
 * @param {HTMLImageElement} [picture]
 * @returns {Scene}
 */
export const still = (photo, picture = photo) => ({ photo, one: picture, other: picture, mixing: 0, chroma: false, finish: NO_FINISH });

/**
 * What the server says, as docs/studio.md and openapi.json describe it. Types only.
 *
 * @typedef {{en: string, zh: string}} Names
 * @typedef {{id: string, weight: number, part: string}} StyleShare
 * @typedef {{mask: string, style: string|null}} Region
 * @typedef {number|string|boolean|null} Value
 * @typedef {{styles: StyleShare[], settings: Record<string, Value>, regions: Region[]}} Look
 * @typedef {{id: string, names: Names, lines: Names, own: boolean, kept: boolean, sha256: string}} Style
 * @typedef {{photo: string, name: string, width: number, height: number, notes: string[], look: Look|null, recipe: object|null, video: Video|null}} Photo
 * @typedef {{video: string, name: string, second: number, seconds: number, frames: number|null, rate: number, sound: boolean}} Video
 * @typedef {{file: string, url: string, name: string, bytes: number, video: string, look: Look, width: number, height: number, frames: number, whole: boolean, seconds: number, time: number, notes: string[]}} Film
 * @typedef {{result: string, photo: string, look: Look, width: number, height: number, seconds: number, method: string, iterations: number, url: string, thumbnail: string, notes: string[], time: number}} Result
 * @typedef {{name: string, kind: "number"|"choice"|"flag", least: number, most: number, step: number|null, default: Value, choices: string[], labels: Names, helps: Names, group: string}} Control
 * @typedef {{id: string, names: Names, width: number, height: number}} Sample
 * @typedef {{version: string, engine: string, limits: {bytes: number, pixels: number, video_bytes: number}, styles: Style[], photos: Photo[], samples: Sample[], controls: Control[], formats: string[], results: Result[], films: Film[], camera: {style: string|null}}} ServerState
 *
 * What the person works on. `look` is what the server is asked for; `refined` names the result that the
 * optimization has made of it, until another change leads away from it.
 * @typedef {{photo: Photo|null, look: Look, refined: string|null}} Work
 *
 * An entry of the strip of results.
 * @typedef {{result: Result, work: Work}} Kept
 */
export {};

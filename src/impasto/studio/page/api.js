/** The server's API: JSON, pictures, and streams of events. */

import { chosen, t } from "./language.js";

const token = document.querySelector('meta[name="impasto-token"]')?.getAttribute("content") ?? "";

/** A refusal by the server, or its silence, with a sentence in both languages. */
export class StudioError extends Error {
  /** @param {string} id @param {Record<string, string>} messages @param {number} [status] */
  constructor(id, messages, status = 0) {
    super(messages.en ?? id);
    this.id = id;
    this.status = status;
    /** @type {Record<string, string>} */
    this.messages = messages;
  }

  /** The sentence in the page's language, with its full stop, which the terminal's sentences do without. */
  get sentence() {
    const said = this.messages[chosen()] ?? this.messages.en ?? t("somethingFailed");
    return /[.?!。？！…]$/.test(said) ? said : said + t("fullStop");
  }
}

/**
 * A trouble that the page itself tells of.
 * @param {string} id
 * @param {string} words their key
 * @param {Record<string, unknown>} [values]
 * @param {number} [status]
 */
export const ownError = (id, words, values = {}, status = 0) => new StudioError(id, { [chosen()]: t(words, values) }, status);

/** @param {unknown} error @returns {boolean} whether somebody wanted it to end, so that nothing need be said */
export function wasCalledOff(error) {
  if (error instanceof DOMException && error.name === "AbortError") return true;
  return error instanceof StudioError && (error.id === "superseded" || error.id === "stopped");
}

/** @param {unknown} error @returns {boolean} whether the server has something no longer */
export const isLost = (error) => error instanceof StudioError && error.status === 404;

/**
 * Numbers that grow, across reloads too: the server answers the largest of a kind.
 * @type {number}
 */
let sequence = 0;
const nextSequence = () => (sequence = Math.max(sequence + 1, Date.now()));
/** By which the server knows this page from others of the browser. */
const page = String(Math.trunc(Math.random() * 1e15));

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
async function request(path, options = {}) {
  const headers = new Headers(options.headers);
  headers.set("Accept-Language", chosen());
  if (options.method && options.method !== "GET") {
    headers.set("X-Impasto-Token", token);
    headers.set("X-Sequence", String(nextSequence()));
    headers.set("X-Page", page);
  }
  let response;
  try {
    response = await fetch(path, { ...options, headers, credentials: "same-origin" });
  } catch (error) {
    if (wasCalledOff(error)) throw error;
    throw ownError("unreachable", "unreachable");
  }
  if (response.ok) return response;
  throw await refusal(response);
}

/** @param {Response} response */
async function refusal(response) {
  try {
    const { error } = await response.json();
    return new StudioError(error.id, error.messages ?? { en: error.message }, response.status);
  } catch {
    return ownError("failed", "somethingFailed", {}, response.status);
  }
}

/** @param {string} path @returns {Promise<any>} */
export async function get(path) {
  return (await request(path, { cache: "no-store" })).json();
}

/**
 * Send JSON, or bytes as they are, and return the answer.
 * @param {string} path
 * @param {unknown} body
 * @param {{headers?: Record<string, string>, signal?: AbortSignal, method?: string}} [options]
 * @returns {Promise<any>}
 */
export async function send(path, body, options = {}) {
  const raw = body instanceof Blob || body instanceof ArrayBuffer;
  /** @type {Record<string, string>} */
  const headers = { "Content-Type": raw ? "application/octet-stream" : "application/json", ...options.headers };
  const response = await request(path, {
    method: options.method ?? "POST",
    body: raw ? /** @type {BodyInit} */ (body) : body === null ? "" : JSON.stringify(body),
    headers,
    signal: options.signal,
  });
  return response.status === 204 ? null : response.json();
}

/**
 * Ask for something that takes a while; yield the server's events as [name, data].
 * @param {string} path
 * @param {unknown} body
 * @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<[string, any]>}
 */
export async function* stream(path, body, signal) {
  const response = await request(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    signal,
  });
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let whole = false;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error) => {
        if (wasCalledOff(error)) throw error;
        throw ownError("unreachable", "unreachable");
      });
      if (done && whole) return;
      if (done) throw ownError("unreachable", "unreachable");
      text += value;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const event = parse(text.slice(0, end));
        text = text.slice(end + 2);
        if (!event) continue;
        if (event[0] === "error") throw new StudioError(event[1].id ?? event[1].error?.id, told(event[1]));
        whole = event[0] === "done";
        yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** @param {any} data @returns {Record<string, string>} */
function told(data) {
  const error = data.error ?? data;
  return error.messages ?? { en: error.message };
}

/** @param {string} block @returns {[string, any]|null} */
function parse(block) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
  }
  return data.length ? [name, JSON.parse(data.join("\n"))] : null;
}

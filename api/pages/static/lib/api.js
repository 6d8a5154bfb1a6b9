/** Calls of the public API, in the name of whoever has signed in. */

/**
 * One fault of an input, as the API tells it.
 * @typedef {{detail: string, code?: string, pointer?: string, parameter?: string, header?: string}} Fault
 * @typedef {{status: number, json: any, etag: string | null, headers: Headers}} Answer
 * @typedef {{body?: any, query?: Record<string, any>, headers?: Record<string, string>, once?: boolean,
 *   ifMatch?: string, signal?: AbortSignal, as?: string}} Options
 */

/** A call that was refused, or that did not arrive. */
export class Problem extends Error {
  /**
   * @param {number} status 0 when there was no answer
   * @param {any} document
   */
  constructor(status, document) {
    super(document.detail ?? document.title ?? `HTTP ${status}`);
    this.status = status;
    /** @type {string} */
    this.code = document.code ?? "unreachable";
    /** @type {Fault[]} */
    this.faults = document.errors ?? [];
    /** @type {string | undefined} */
    this.requestId = document.request_id;
    this.document = document;
  }
}

/** @type {string | null} */
let key = null;

/** @param {string | null} newKey */
export function useKey(newKey) {
  key = newKey;
}

/** What says who calls. @returns {Record<string, string>} */
export function credentials() {
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/**
 * One call. Raises Problem. A GET that is told to wait, or that meets a service which is starting, is made again twice.
 * @param {string} method
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<Answer>}
 */
export async function call(method, path, options = {}) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await callOnce(method, path, options);
    } catch (error) {
      const again = error instanceof Problem && method === "GET" && (error.status === 503 || error.status === 429);
      if (!again || attempt === 3) throw error;
      const wait = Number(error.document.retryAfter) || 1;
      await new Promise((done) => setTimeout(done, Math.min(wait, 5) * 1000));
    }
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Options} options
 * @returns {Promise<Answer>}
 */
async function callOnce(method, path, options) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, String(value));
  }
  /** @type {Record<string, string>} */
  const headers = { Accept: options.as ?? "application/json", ...credentials(), ...options.headers };
  if (options.body !== undefined) {
    headers["Content-Type"] = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  }
  if (options.once) headers["Idempotency-Key"] = crypto.randomUUID?.() ?? `page-${Date.now()}-${Math.random()}`;
  if (options.ifMatch) headers["If-Match"] = options.ifMatch;
  /** @type {Response} */
  let response;
  try {
    /** @type {RequestInit} */
    const init = { method, headers, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" };
    if (options.body !== undefined) init.body = JSON.stringify(options.body);
    if (options.signal) init.signal = options.signal;
    response = await fetch(url, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, { code: "unreachable" });
  }
  const text = await response.text();
  const json = text && response.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : text;
  if (!response.ok) {
    const document = typeof json === "object" && json ? json : { detail: `HTTP ${response.status}` };
    throw new Problem(response.status, { ...document, retryAfter: response.headers.get("Retry-After") });
  }
  return { status: response.status, json, etag: response.headers.get("ETag"), headers: response.headers };
}

/** @param {string} path @param {Record<string, any>} [query] */
export const get = async (path, query) => (await call("GET", path, { query })).json;

/** @param {string} path @param {any} body @param {Record<string, any>} [query] */
export const post = async (path, body, query) => (await call("POST", path, { body, query, once: true })).json;

/** @param {string} path @param {any} body */
export const patch = async (path, body) => (await call("PATCH", path, { body, ifMatch: "*" })).json;

/** @param {string} path */
export const remove = async (path) => (await call("DELETE", path)).json;

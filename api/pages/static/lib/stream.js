/** One's own events as they happen. Lost connections are mended, and nothing that happened meanwhile is missed. */

import { credentials } from "./api.js";

/**
 * @typedef {{id: string, type: string, trip_id?: string, data: any}} Happening
 * @typedef {"live" | "lost" | "refused"} State
 */

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** The service gives a sign of life every few seconds; after so long without one the connection is dead. */
const SILENCE_MS = 60_000;

/**
 * Listens until the returned function is called. `onReset` is called when what was missed cannot be told any more, and
 * everything has to be read again.
 * @param {{onEvent: (event: Happening) => void, onState: (state: State) => void, onReset: () => void}} listener
 * @returns {() => void}
 */
export function listen({ onEvent, onState, onReset }) {
  let lastId = "";
  let pause = FIRST_PAUSE_MS;
  const life = new AbortController();
  /** @type {AbortController | null} */
  let current = null;
  /** @type {() => void} */
  let wake = () => {};

  const hurry = () => wake();
  addEventListener("online", hurry);

  (async () => {
    while (!life.signal.aborted) {
      current = new AbortController();
      const outcome = await connect(current);
      if (life.signal.aborted) return;
      if (outcome === "refused") {
        onState("refused");
        return;
      }
      onState("lost");
      await /** @type {Promise<void>} */ (
        new Promise((done) => {
          wake = done;
          setTimeout(done, pause);
        })
      );
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  })();

  return () => {
    life.abort();
    removeEventListener("online", hurry);
    current?.abort();
    wake();
  };

  /** @param {AbortController} aborter @returns {Promise<"ended" | "refused">} */
  async function connect(aborter) {
    let alive = setTimeout(() => aborter.abort(), SILENCE_MS);
    try {
      /** @type {Record<string, string>} */
      const headers = { ...credentials(), Accept: "text/event-stream" };
      if (lastId) headers["Last-Event-ID"] = lastId;
      const response = await fetch("/v1/events", {
        headers,
        signal: aborter.signal,
        cache: "no-store",
        credentials: "omit",
      });
      if (response.status === 401 || response.status === 403) return "refused";
      if (!response.ok || !response.body) return "ended";
      onState("live");
      pause = FIRST_PAUSE_MS;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return "ended";
        clearTimeout(alive);
        alive = setTimeout(() => aborter.abort(), SILENCE_MS);
        const blocks = (rest + value.replaceAll("\r", "")).split("\n\n");
        rest = blocks.pop() ?? "";
        blocks.forEach(take);
      }
    } catch {
      return "ended";
    } finally {
      clearTimeout(alive);
    }
  }

  /** @param {string} block */
  function take(block) {
    let kind = "message";
    /** @type {string[]} */
    const data = [];
    for (const line of block.split("\n")) {
      const colon = line.indexOf(":");
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") kind = value;
      else if (field === "data") data.push(value);
      else if (field === "id") lastId = value;
    }
    if (kind === "reset") onReset();
    else if (data.length) onEvent(JSON.parse(data.join("\n")));
  }
}

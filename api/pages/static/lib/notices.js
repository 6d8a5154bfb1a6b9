/** What went well and what did not, said where the reader is looking. */

import { Problem } from "./api.js";
import { h } from "./dom.js";
import { t } from "./texts.js";

/** A refused or failed call in words: the API's own where it has some. @param {unknown} error */
export function wordsOf(error) {
  if (!(error instanceof Problem)) {
    console.error(error);
    return t("error.page");
  }
  if (error.status === 0) return t("error.unreachable");
  if (error.status === 401) return t("error.key");
  if (error.status === 429) return t("error.too_fast");
  if (error.status >= 500 && error.code === "internal_error") return t("error.service", { id: error.requestId ?? "" });
  return sentence(error.message);
}

/** With a capital letter and a full stop. @param {string} text */
export function sentence(text) {
  const trimmed = text.trim();
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?…]$/.test(trimmed) ? "" : ".");
}

/** A box with an error; it is read out. @param {unknown} error @param {(() => void)} [again] */
export function errorBox(error, again) {
  return h(
    "div",
    { class: "box box-error", role: "alert" },
    h("p", null, wordsOf(error)),
    again && h("button", { type: "button", class: "small", onclick: again }, t("do.try_again")),
  );
}

/**
 * What to say where there is nothing yet, and what to do next.
 * @param {string} title
 * @param {string} advice
 * @param {...any} actions
 */
export function emptyBox(title, advice, ...actions) {
  return h("div", { class: "box box-empty" }, h("p", { class: "strong" }, title), h("p", null, advice), ...actions);
}

/** @param {string} text */
export const busyBox = (text) => h("p", { class: "busy", role: "status" }, h("span", { class: "spinner" }), text);

/** A line at the foot of the window that goes by itself. @param {string} text */
export function toast(text) {
  let shelf = document.querySelector(".toasts");
  if (!shelf) {
    shelf = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
    document.body.append(/** @type {Element} */ (shelf));
  }
  const line = h("p", { class: "toast" }, text);
  /** @type {Element} */ (shelf).append(line);
  setTimeout(() => line.remove(), 6000);
}

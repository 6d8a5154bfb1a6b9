/** Fields of forms: a label, a control, a hint, and room for what is wrong with it. */

import { h, newId } from "./dom.js";
import { Problem } from "./api.js";
import { sentence, wordsOf } from "./notices.js";

/**
 * A control with its label. `pointer` is where in the body of the call its value stands, such as `/origin`.
 * @param {string} label
 * @param {any} control
 * @param {{pointer?: string, hint?: string, wide?: boolean}} [more]
 * @returns {HTMLElement}
 */
export function field(label, control, more = {}) {
  const input = control.matches?.("input, select, textarea")
    ? control
    : control.querySelector("input, select, textarea");
  const id = (input.id ||= newId("field"));
  const hint = more.hint ? h("small", { id: `${id}-hint`, class: "hint" }, more.hint) : null;
  const fault = h("small", { id: `${id}-fault`, class: "fault", role: "alert" });
  input.setAttribute("aria-describedby", [hint?.id, fault.id].filter(Boolean).join(" "));
  return h(
    "div",
    { class: more.wide ? "field wide" : "field", data: { pointer: more.pointer ?? "" } },
    h("label", { for: id }, label),
    control,
    hint,
    fault,
  );
}

/**
 * A choice among a few.
 * @param {[value: string, text: string][]} options
 * @param {string} chosen
 * @param {any} [properties]
 * @returns {HTMLSelectElement}
 */
export function select(options, chosen, properties) {
  return h(
    "select",
    properties,
    options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
  );
}

/** @param {string} label @param {any} properties @returns {HTMLLabelElement} */
export function checkbox(label, properties) {
  return h("label", { class: "check" }, h("input", { type: "checkbox", ...properties }), h("span", null, label));
}

/** Takes back what was wrong. @param {HTMLElement} form */
export function clearFaults(form) {
  for (const element of form.querySelectorAll(".fault, .form-fault")) element.textContent = "";
  for (const element of form.querySelectorAll("[aria-invalid]")) element.removeAttribute("aria-invalid");
}

/**
 * Says at each field what the API found wrong with it, the rest at the end of the form, and goes to the first of them.
 * What was typed stays.
 * @param {HTMLElement} form
 * @param {unknown} error
 */
export function showFaults(form, error) {
  clearFaults(form);
  /** @type {string[]} */
  const rest = [];
  const faults = error instanceof Problem ? error.faults : [];
  for (const fault of faults) {
    if (!faultAt(form, fault.pointer ?? `/${fault.parameter ?? ""}`, sentence(fault.detail)))
      rest.push(sentence(fault.detail));
  }
  if (!faults.length) rest.push(wordsOf(error));
  const place = form.querySelector(".form-fault");
  if (place) place.textContent = rest.join(" ");
  const first = /** @type {HTMLElement | null} */ (form.querySelector("[aria-invalid]"));
  if (first) first.focus();
  else place?.scrollIntoView({ block: "nearest" });
}

/**
 * Puts a fault at the field that its pointer, or the longest beginning of it, belongs to.
 * @param {HTMLElement} form
 * @param {string} pointer
 * @param {string} text
 */
export function faultAt(form, pointer, text) {
  let best = null;
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-pointer]"))) {
    for (const own of (each.dataset.pointer ?? "").split(" ").filter(Boolean)) {
      const fits = pointer === own || pointer.startsWith(`${own}/`);
      if (fits && (!best || own.length > best.length)) best = { element: each, length: own.length };
    }
  }
  if (!best) return false;
  const slot = best.element.querySelector(".fault");
  if (slot) slot.textContent = [slot.textContent, text].filter(Boolean).join(" ");
  best.element.querySelector("input, select, textarea")?.setAttribute("aria-invalid", "true");
  for (let outer = best.element.parentElement; outer; outer = outer.parentElement) {
    if (outer instanceof HTMLDetailsElement) outer.open = true;
  }
  return true;
}

/** Where a form says what belongs to no field. */
export const formFault = () => h("p", { class: "form-fault fault", role: "alert" });

/**
 * Keeps a form from being sent twice, and says that it is at work.
 * @template T
 * @param {HTMLButtonElement} button
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function whileBusy(button, work) {
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

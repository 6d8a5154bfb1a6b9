/** Tabs as the ARIA practices describe them: one is in the order of the Tab key, arrows move between them. */

import { h, newId } from "./dom.js";

/**
 * @typedef {{name: string, label: string, panel: HTMLElement}} Tab
 */

export class Tabs {
  /** @param {string} label @param {Tab[]} tabs @param {(name: string) => void} [onChange] */
  constructor(label, tabs, onChange) {
    this.tabs = tabs;
    this.onChange = onChange;
    /** @type {Map<string, HTMLButtonElement>} */
    this.buttons = new Map();
    for (const { name, label: text, panel } of tabs) {
      panel.id ||= newId("tab-panel");
      const button = h(
        "button",
        { type: "button", role: "tab", id: newId("tab"), "aria-controls": panel.id, onclick: () => this.show(name) },
        h("span", null, text),
        h("span", { class: "count", hidden: true }),
      );
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", button.id);
      this.buttons.set(name, button);
    }
    this.element = h(
      "div",
      {
        class: "tabs",
        role: "tablist",
        "aria-label": label,
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.pressed(event),
      },
      [...this.buttons.values()],
    );
    this.current = tabs[0]?.name ?? "";
    this.show(this.current);
  }

  /** @param {string} name */
  show(name) {
    const changed = name !== this.current;
    this.current = name;
    for (const tab of this.tabs) {
      const chosen = tab.name === name;
      const button = this.buttons.get(tab.name);
      button?.setAttribute("aria-selected", String(chosen));
      if (button) button.tabIndex = chosen ? 0 : -1;
      tab.panel.hidden = !chosen;
    }
    if (changed) this.onChange?.(name);
  }

  /** How many things of a tab want to be looked at. @param {string} name @param {number} count */
  count(name, count) {
    const badge = /** @type {HTMLElement | null | undefined} */ (this.buttons.get(name)?.querySelector(".count"));
    if (!badge) return;
    badge.hidden = count === 0;
    badge.textContent = String(count);
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const at = this.tabs.findIndex((tab) => tab.name === this.current);
    const next = this.tabs[(at + step + this.tabs.length) % this.tabs.length];
    if (next) {
      this.show(next.name);
      this.buttons.get(next.name)?.focus();
    }
  }
}

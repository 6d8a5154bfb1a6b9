/** What all pages share: the header, signing in, the state of the event stream, and the first look at the service. */

import { get } from "./api.js";
import { add, fill, h } from "./dom.js";
import { clearFaults, faultAt, field, whileBusy } from "./fields.js";
import { useZone } from "./format.js";
import { busyBox, errorBox, toast, wordsOf } from "./notices.js";
import { drives, operates, resume, rides, signIn, signOut } from "./session.js";
import { listen } from "./stream.js";
import { addTexts, language, t } from "./texts.js";
import { SHELL } from "../texts/shell.js";

/**
 * @typedef {import("./session.js").Person} Person
 * @typedef {import("./stream.js").Happening} Happening
 * @typedef {{region: string, time_zone: string, bounds: number[], currency: string | null, horizon_days: number}} Setup
 * @typedef {{main: HTMLElement, person: Person, setup: Setup,
 *   onEvent: (run: (event: Happening | null) => void) => void}} Page
 */

const PAGES = /** @type {const} */ ([
  ["ride", rides],
  ["drive", drives],
  ["ops", operates],
]);

addTexts(SHELL);

/**
 * Starts a page. `build` is called once somebody who may use it has signed in; what it gives to `onEvent` is called
 * with every event, and with null when everything has to be read again.
 * @param {"ride" | "drive" | "ops"} name
 * @param {(page: Page) => Promise<void> | void} build
 */
export async function startPage(name, build) {
  document.documentElement.lang = language;
  document.title = `${t(`title.${name}`)} · carpool`;
  const main = h("main", { id: "main", tabindex: "-1" });
  const header = h("header", { class: "top" });
  document.body.prepend(h("a", { class: "skip", href: "#main" }, t("do.skip")), header, main);
  drawHeader(header, name, null);
  fill(main, busyBox(t("state.starting")));
  try {
    const [setup, person] = await Promise.all([get("/pages/setup"), somebody()]);
    useZone(setup.time_zone);
    if (person) await open(name, build, { main, header, person, setup });
    else askForKey(name, build, { main, header, setup });
  } catch (error) {
    fill(
      main,
      h(
        "div",
        { class: "narrow" },
        errorBox(error, () => location.reload()),
      ),
    );
  }
}

/** Whoever is signed in, or null when nobody is, or not any more. */
function somebody() {
  return resume().catch((error) => {
    if (error.status === 401) return null;
    throw error;
  });
}

/**
 * @param {"ride" | "drive" | "ops"} name
 * @param {(page: Page) => Promise<void> | void} build
 * @param {{main: HTMLElement, header: HTMLElement, person: Person, setup: Setup}} around
 */
async function open(name, build, { main, header, person, setup }) {
  const state = h("span", { class: "stream", role: "status" });
  drawHeader(header, name, person, state);
  const allowed = PAGES.find(([each]) => each === name)?.[1];
  if (!allowed?.(person)) {
    fill(main, otherRole(name, person));
    return;
  }
  main.replaceChildren();
  /** @type {((event: Happening | null) => void)[]} */
  const listeners = [];
  const built = build({ main, person, setup, onEvent: (run) => listeners.push(run) });
  performance.mark("usable");
  await built;
  let wasLost = false;
  listen({
    onEvent: (event) => listeners.forEach((run) => run(event)),
    onReset: () => listeners.forEach((run) => run(null)),
    onState: (now) => {
      state.dataset.state = now;
      state.textContent = t(`stream.${now}`);
      if (now === "lost" && !wasLost) toast(t("stream.lost_long"));
      if (now === "live" && wasLost) {
        toast(t("stream.back"));
        listeners.forEach((run) => run(null));
      }
      if (now === "refused") {
        signOut();
        askForKey(name, build, { main, header, setup });
      }
      wasLost = now === "lost" || (wasLost && now !== "live");
    },
  });
}

/** @param {string} name @param {Person} person */
function otherRole(name, person) {
  const open = PAGES.filter(([, allowed]) => allowed(person));
  return h(
    "div",
    { class: "narrow" },
    h("h1", null, t("role.wrong")),
    h("p", null, t(`role.needs.${name}`)),
    h(
      "p",
      { class: "actions" },
      open.map(([page]) => h("a", { class: "button", href: `/${page}` }, t(`nav.${page}`))),
      h("button", { type: "button", class: "quiet", onclick: leave }, t("do.sign_out")),
    ),
  );
}

function leave() {
  signOut();
  location.reload();
}

/**
 * @param {HTMLElement} header
 * @param {string} current
 * @param {Person | null} person
 * @param {HTMLElement} [state]
 */
function drawHeader(header, current, person, state) {
  const shown = PAGES.filter(([name, allowed]) => name === current || !person || allowed(person));
  fill(
    header,
    h(
      "a",
      { class: "brand", href: "/", "aria-label": t("nav.home") },
      h("img", { src: "/pages/icon.svg", alt: "", width: 26, height: 26 }),
      h("span", null, "carpool"),
    ),
    h(
      "nav",
      { "aria-label": t("nav.label") },
      shown.map(([name]) =>
        h("a", { href: `/${name}`, "aria-current": name === current ? "page" : null }, t(`nav.${name}`)),
      ),
    ),
    h("span", { class: "grow" }),
    state,
    person && h("span", { class: "who", title: person.roles.join(", ") }, person.user),
    person && h("button", { type: "button", class: "quiet small", onclick: leave }, t("do.sign_out")),
  );
}

/**
 * @param {"ride" | "drive" | "ops"} name
 * @param {(page: Page) => Promise<void> | void} build
 * @param {{main: HTMLElement, header: HTMLElement, setup: Setup}} around
 */
function askForKey(name, build, { main, header, setup }) {
  drawHeader(header, name, null);
  const input = h("input", { type: "password", name: "key", autocomplete: "off", spellcheck: "false", required: true });
  const button = h("button", { type: "submit" }, t("do.sign_in"));
  const form = h(
    "form",
    {
      class: "stack",
      novalidate: true,
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        clearFaults(form);
        if (!input.value.trim()) {
          faultAt(form, "/key", t("sign.missing"));
          input.focus();
          return;
        }
        whileBusy(button, async () => {
          try {
            const person = await signIn(input.value);
            await open(name, build, { main, header, person, setup });
          } catch (error) {
            faultAt(form, "/key", wordsOf(error));
            input.focus();
          }
        });
      },
    },
    field(t("sign.key"), input, { pointer: "/key", hint: t("sign.where") }),
    button,
  );
  fill(
    main,
    h(
      "div",
      { class: "narrow" },
      h("h1", null, t(`title.${name}`)),
      h("p", { class: "lead" }, t(`lead.${name}`)),
      form,
      h(
        "p",
        { class: "fine" },
        t("sign.how"),
        " ",
        h(
          "code",
          null,
          `carpool keys create --role ${name === "ride" ? "rider" : name === "drive" ? "driver" : "ops"} --user …`,
        ),
      ),
      h("p", { class: "fine" }, t("sign.kept")),
    ),
  );
  input.focus();
}

/** The two halves of a page with a map. @param {HTMLElement} main */
export function splitView(main) {
  const panel = h("div", { class: "panel" });
  const map = h("div", { class: "map" });
  main.classList.add("split");
  add(main, [panel, map]);
  return { panel, map };
}

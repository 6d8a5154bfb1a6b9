/** How the service is: its checks, and the deliveries that were given up. */

import { call, get } from "../lib/api.js";
import { fill, h } from "../lib/dom.js";
import { whileBusy } from "../lib/fields.js";
import { dayAndClock, number } from "../lib/format.js";
import { errorBox, toast } from "../lib/notices.js";
import { named, t } from "../lib/texts.js";

/** What a check says besides being well, in the reader's language where it is a number. @param {string} state */
function words(state) {
  const lag = /^ok, ([\d.]+) s behind/.exec(state);
  return lag ? t("health.lag", { s: number(Number(lag[1]), 1) }) : state.replace(/^ok(, )?/, "");
}

export class State {
  constructor() {
    this.health = h("div");
    this.letters = h("div");
    this.element = h(
      "section",
      { class: "panel-card" },
      h("h2", null, t("health")),
      this.health,
      h("h2", null, t("letters")),
      this.letters,
    );
  }

  async load() {
    try {
      const answer = await fetch("/readyz", { cache: "no-store" });
      this.drawHealth(await answer.json());
    } catch {
      fill(this.health, h("p", { class: "fault" }, t("error.unreachable")));
    }
    try {
      const { deliveries } = await get("/v1/webhooks/deliveries", { status: "DEAD", limit: 20 });
      this.drawLetters(deliveries);
    } catch (error) {
      fill(this.letters, errorBox(error));
    }
  }

  /** @param {any} ready */
  drawHealth(ready) {
    const rows = Object.entries(ready.checks).map(([name, state]) => {
      const good = String(state).startsWith("ok");
      return h(
        "tr",
        null,
        h("th", { scope: "row" }, named("check", name)),
        h(
          "td",
          null,
          h("span", { class: good ? "lamp good" : "lamp bad" }, good ? t("health.good") : t("health.bad")),
          " ",
          words(String(state)),
        ),
      );
    });
    fill(
      this.health,
      h("table", null, h("caption", { class: "visually-hidden" }, t("health")), h("tbody", null, rows)),
      h(
        "p",
        { class: "fine" },
        t("health.words", { region: ready.region ?? "–", offers: number(ready.offers ?? 0), version: ready.version }),
      ),
    );
  }

  /** @param {any[]} deliveries */
  drawLetters(deliveries) {
    if (!deliveries.length) {
      fill(this.letters, h("p", { class: "fine" }, t("letters.none")));
      return;
    }
    fill(
      this.letters,
      deliveries.map((delivery) => {
        const trouble = h("div");
        const button = h(
          "button",
          {
            type: "button",
            class: "quiet small",
            onclick: () =>
              whileBusy(button, async () => {
                try {
                  await call("POST", `/v1/webhooks/deliveries/${delivery.id}/replay`);
                  toast(t("letters.replayed"));
                  await this.load();
                } catch (error) {
                  fill(trouble, errorBox(error));
                }
              }),
          },
          t("letters.replay"),
        );
        return h(
          "article",
          { class: "card" },
          h(
            "p",
            { class: "card-head" },
            h("b", null, delivery.event.type),
            h("span", { class: "fine" }, dayAndClock(delivery.created_at)),
          ),
          h(
            "p",
            { class: "fine" },
            t("letters.words", { n: delivery.attempts, error: delivery.error ?? String(delivery.answer_status ?? "") }),
          ),
          h("div", { class: "actions" }, button),
          trouble,
        );
      }),
    );
  }
}

// All numbers of the explorable `finetune`, folded away.

import { element } from "../shared/dom.mjs";
import { figures, kilobytes, nats } from "./sentences.mjs";

const HEADS = ["Stories", "Method", "dialect, mean", "lowest to highest", "forgotten, mean", "lowest to highest", "storage"];

export class TuningTable {
  #table = element("table");

  constructor() {
    const region = element("div", { className: "gx-table", role: "region", "aria-label": "All numbers", tabIndex: 0 }, this.#table);
    this.el = element("details", { className: "gx-numbers" }, element("summary", {}, "The numbers"), region);
  }

  /** shown: the counts that may be shown. */
  draw(recorded, shown) {
    this.el.hidden = !shown.length;
    const cells = (one) => [nats(one.mean), `${nats(one.least)} to ${nats(one.most)}`];
    const rows = shown.flatMap((n) =>
      recorded.ways.map((way) => {
        const found = figures(recorded, way, n);
        const lost = way.key === "scratch" ? ["never learned it", ""] : cells(found.lost);
        const all = [way.name, ...cells(found.new), ...lost, kilobytes(way.bytes)];
        return element("tr", {}, element("th", { scope: "row" }, n.toLocaleString("en")), ...all.map((text) => element("td", {}, text)));
      }),
    );
    const top = element("tr", {}, ...HEADS.map((text) => element("th", { scope: "col" }, text)));
    const n = recorded.ways[0].new[0].length;
    const caption = `Nats per word: above the dialect’s entropy, and above the base model’s loss in the first language; ${n} runs each.`;
    this.#table.replaceChildren(element("caption", {}, caption), element("thead", {}, top), element("tbody", {}, ...rows));
  }
}

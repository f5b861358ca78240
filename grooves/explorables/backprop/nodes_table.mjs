// All nodes of a formula with their numbers, for readers who do not want the picture.

import { element, resize } from "../shared/dom.mjs";
import { formulaOf, nameOf, show } from "./step_sentences.mjs";

export class NodesTable {
  #body = element("tbody");

  constructor() {
    const head = ["node", "computed as", "value", "gradient"].map((text) => element("th", { scope: "col" }, text));
    const table = element(
      "table",
      {},
      element("caption", {}, "Every node in the order of the forward pass. A number not yet known at this step is left empty."),
      element("thead", {}, element("tr", {}, ...head)),
      this.#body,
    );
    const region = element("div", { className: "gx-table", role: "region", "aria-label": "All nodes as a table", tabIndex: 0 }, table);
    this.el = element("details", { className: "gx-numbers" }, element("summary", {}, "All numbers"), region);
  }

  /** state: { graph, values, gradients }, as for the picture. */
  draw({ graph, values, gradients }) {
    const nodes = graph.nodes.filter(({ operation }) => operation !== "constant");
    const make = () => element("tr", {}, element("th", { scope: "row" }), ...[1, 2, 3].map(() => element("td")));
    resize(this.#body, nodes.length, make).forEach((row, i) => {
      const [node, cells] = [nodes[i], [...row.children]];
      const formula = formulaOf(node);
      const texts = [nameOf(node), node.name ? formula : "", show(values[node.id]), show(gradients[node.id])];
      cells.forEach((cell, n) => (cell.textContent = texts[n]));
    });
  }
}

// The graph of a formula as a picture: one card per node, with its value above and its gradient below.
//
// Key idea: the picture is a view of one step. What is not known yet is not shown; what happens in
// this step is marked, with the slope that the gradient is multiplied by on each edge. Chapter 02.

import { element } from "../shared/dom.mjs";
import { layout } from "./graph_layout.mjs";
import { OPERATIONS } from "./operations.mjs";
import { shape } from "../shared/svg.mjs";
import { show } from "./step_sentences.mjs";

const CARD = { width: 76, height: 72 };
const ACROSS = { column: [118, 150], row: 80 }; // from left to right; least and most pixels a column
const DOWN = { column: 110, row: [78, 100] }; // from top to bottom, on a phone
const EDGE = 6; // pixels around everything
const NARROW = 480; // pixels, below which the graph goes from top to bottom

/** What stands in the middle of a card. */
function symbolOf({ operation, exponent, name, value }) {
  if (operation === "variable") return name;
  if (operation === "constant") return show(value);
  return operation === "power" ? `^ ${show(exponent)}` : OPERATIONS[operation].symbol;
}

export class GraphView {
  #picture = shape("svg", { "aria-hidden": "true" });
  #cards = [];
  #edges = [];
  #graph = null;
  #width = 0;
  #last = null;

  constructor() {
    this.el = element("div", { className: "gb-graph", role: "region", "aria-label": "The formula as a graph; its numbers are in the table below", tabIndex: 0 }, this.#picture);
  }

  /** Draw the same again where another width asks for another arrangement. */
  layout() {
    if (this.#last && this.el.clientWidth !== this.#width) this.draw(this.#last);
  }

  /** state: { graph, values, gradients (null where not known yet), trained: names,
   * active: the node of this step or null, passes: what it hands on, forward: bool }.
   */
  draw(state) {
    this.#last = state;
    if (state.graph !== this.#graph || this.el.clientWidth !== this.#width) this.#build(state.graph);
    const { graph, values, gradients, trained, active, passes, forward } = state;
    for (const node of graph.nodes) {
      const { card, value, gradient } = this.#cards[node.id];
      const known = values[node.id] !== null && node.operation !== "constant";
      value.textContent = known ? show(values[node.id]) : "";
      gradient.textContent = show(gradients[node.id]);
      card.classList.toggle("gb-trained", node.operation === "variable" && trained.includes(node.name));
      card.classList.toggle("gb-active", node === active);
      card.classList.toggle("gb-met", !forward && passes.some(({ to }) => to === node));
    }
    for (const { from, to, input, line, slope, back } of this.#edges) {
      const pass = passes.find((one) => one.input === input && active?.id === to);
      const flows = active?.id === to && (forward || Boolean(pass));
      line.classList.toggle("gb-flows", flows && forward);
      line.classList.toggle("gb-returns", flows && !forward);
      line.setAttribute("marker-end", flows && !forward ? "" : `url(#${this.#marker("there")})`);
      back.style.display = flows && !forward ? "" : "none";
      slope.textContent = pass ? `× ${show(Number(pass.slope.toPrecision(3)))}` : "";
      line.dataset.edge = `${from}-${to}`;
    }
    this.#show(active);
  }

  #id = `gx-${Math.random().toString(36).slice(2, 8)}`;
  #marker(kind) {
    return `${this.#id}-${kind}`;
  }

  #build(graph) {
    this.#graph = graph;
    this.#width = this.el.clientWidth;
    const { columns, rows, at, edges } = layout(graph);
    const down = this.#width > 0 && this.#width < NARROW;
    const fit = (n, [least, most], size) => Math.max(least, Math.min(most, n > 1 ? (this.#width - 2 * EDGE - 2 - size) / (n - 1) : most));
    const pitch = down
      ? { column: DOWN.column, row: fit(rows, DOWN.row, CARD.width) }
      : { column: fit(columns, ACROSS.column, CARD.width), row: ACROSS.row };
    const middle = ([column, row]) => {
      const [along, aside] = [column * pitch.column, row * pitch.row];
      return down
        ? [EDGE + CARD.width / 2 + aside, EDGE + CARD.height / 2 + along]
        : [EDGE + CARD.width / 2 + along, EDGE + CARD.height / 2 + aside];
    };
    const [right, bottom] = middle([columns - 1, rows - 1]);
    this.#picture.setAttribute("width", right + CARD.width / 2 + EDGE);
    this.#picture.setAttribute("height", bottom + CARD.height / 2 + EDGE);
    this.#edges = edges.map((edge) => this.#edge(graph, edge, at, middle, down));
    this.#cards = graph.nodes.map((node) => this.#card(node, middle(at[node.id])));
    const heads = ["there", "back"].map((kind) =>
      shape(
        "marker",
        { id: this.#marker(kind), viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" },
        shape("path", { d: "M0 0 L8 4 L0 8 z", class: `gb-head-${kind}` }),
      ),
    );
    this.#picture.replaceChildren(
      shape("defs", {}, ...heads),
      ...this.#edges.map(({ line }) => line),
      ...this.#edges.map(({ back }) => back),
      ...this.#cards.map(({ card }) => card),
      ...this.#edges.map(({ slope }) => slope),
    );
  }

  #card(node, [x, y]) {
    const constant = node.operation === "constant";
    const leaf = !node.inputs.length;
    const [width, height] = constant ? [44, 30] : [CARD.width, CARD.height];
    const box = shape("rect", { x: x - width / 2, y: y - height / 2, width, height, rx: leaf ? 14 : 7 });
    const text = (dy, kind, content = "") => shape("text", { x, y: y + dy, class: kind, "text-anchor": "middle" }, content);
    const named = node.name && !leaf;
    const symbol = text(named ? -1 : 5, "gb-symbol", symbolOf(node));
    const name = text(13, "gb-alias", named ? node.name : "");
    const value = text(-21, "gb-value");
    const gradient = text(30, "gb-gradient");
    const card = shape("g", { class: `gb-card ${leaf ? "gb-leaf" : ""} ${constant ? "gb-constant" : ""}` }, box, symbol, name, value, gradient);
    return { card, value, gradient };
  }

  /** A curve from one card to another, past the places that are kept free for it. */
  #edge(graph, { from, to, input, bends }, at, middle, down) {
    const n = graph.nodes[to].inputs.length;
    const port = n > 1 ? (input - (n - 1) / 2) * 22 : 0;
    const half = (node) => (graph.nodes[node].operation === "constant" ? [22, 15] : [CARD.width / 2, CARD.height / 2]);
    const [start, end] = [middle(at[from]), middle(at[to])];
    if (down) {
      start[1] += half(from)[1];
      end[1] -= half(to)[1] + 1;
      end[0] += port;
    } else {
      start[0] += half(from)[0];
      end[0] -= half(to)[0] + 1;
      end[1] += port;
    }
    const places = [start, ...bends.map(middle), end];
    const curve = (list) => {
      let d = `M${list[0]}`;
      for (let i = 1; i < list.length; i++) {
        const [[ax, ay], [bx, by]] = [list[i - 1], list[i]];
        d += down
          ? ` C${ax},${(ay + by) / 2} ${bx},${(ay + by) / 2} ${bx},${by}`
          : ` C${(ax + bx) / 2},${ay} ${(ax + bx) / 2},${by} ${bx},${by}`;
      }
      return d;
    };
    const line = shape("path", { d: curve(places), class: "gb-edge" });
    const back = shape("path", { d: curve([...places].reverse()), class: "gb-edge gb-back", "marker-end": `url(#${this.#marker("back")})` });
    const [[ax, ay], [bx, by]] = places.slice(-2);
    // The slope stands beside the edge, on the side away from the other edges.
    const side = port > 0 ? 1 : -1;
    const [x, y] = [(ax + bx) / 2, (ay + by) / 2];
    const beside = down ? { x: x + 9 * side, y: y + 4, "text-anchor": side > 0 ? "start" : "end" } : { x, y: y + (side > 0 ? 22 : -12), "text-anchor": "middle" };
    const slope = shape("text", { ...beside, class: "gb-slope" });
    return { from, to, input, line, slope, back };
  }

  /** Scroll the picture, never the page, so that the node of this step is seen. */
  #show(active) {
    const { scrollWidth, clientWidth } = this.el;
    if (!active || scrollWidth <= clientWidth) return;
    const box = this.#cards[active.id].card.querySelector("rect");
    this.el.scrollLeft = Number(box.getAttribute("x")) + CARD.width / 2 - clientWidth / 2;
  }
}

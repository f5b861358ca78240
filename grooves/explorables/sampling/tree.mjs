// The tree that a beam grows: a column for each step, a row for each live hypothesis. Chapter 08.
//
// Key idea: what has no descendant in the last column was dropped, and is pale; the last columns are
// shown, because all hypotheses that are left soon agree on their beginning.

import { shape } from "../shared/svg.mjs";

const [COLUMN, ROW, TOP, MOST] = [124, 26, 22, 8]; // pixels; MOST: rows that are shown
const NARROWEST = 2; // columns

export class Tree {
  constructor(redraw) {
    this.svg = shape("svg", { class: "gs-tree", role: "img" });
    this.el = document.createElement("div");
    this.el.className = "gs-frame";
    this.el.append(this.svg);
    this.width = 640;
    this.sizes = new ResizeObserver(([{ contentRect }]) => {
      const width = Math.round(contentRect.width);
      if (!width || width === this.width) return;
      this.width = width;
      redraw();
    });
    this.sizes.observe(this.el);
  }

  stop() {
    this.sizes.disconnect();
  }

  /** beam: a `Beam`. word(token): its spelling. label: what the picture says, in words. */
  draw(beam, word, label) {
    const columns = Math.max(NARROWEST, Math.floor(this.width / COLUMN));
    const wide = this.width / columns;
    const { steps } = beam;
    const first = Math.max(0, steps.length - columns);
    const alive = survivors(steps);
    const [lines, texts] = [[], []];
    const [x, y] = [(step) => (step - first) * wide, (row) => TOP + (Math.min(row, MOST) + 0.5) * ROW];
    for (let step = first; step < steps.length; step++) {
      texts.push(shape("text", { x: x(step) + 4, y: 13, class: "gs-step" }, step ? `word ${step}` : "start"));
      steps[step].slice(0, MOST).forEach((hypothesis, row) => {
        const [left, at] = [x(step) + 4, y(row)];
        const kind = `${alive[step].has(row) ? "gs-alive" : "gs-dropped"} ${alive.best[step] === row ? "gs-best" : ""}`;
        if (step > first) {
          const [from, above] = [x(step) - 18, y(hypothesis.parent)];
          lines.push(shape("path", { d: `M${from} ${above - 4}C${from + 12} ${above - 4} ${left - 14} ${at - 4} ${left - 3} ${at - 4}`, class: `gs-edge ${kind}` }));
        }
        const name = step ? word(hypothesis.tokens.at(-1)) : "•";
        const text = shape("text", { x: left, y: at, class: `gs-node ${kind}` }, shape("tspan", { class: "gs-name" }, name));
        if (step) text.append(shape("tspan", { class: "gs-logp", dx: 5 }, hypothesis.logP.toFixed(1).replace("-", "−")));
        texts.push(text);
      });
    }
    const height = TOP + MOST * ROW + 4;
    for (const [name, value] of Object.entries({ viewBox: `0 0 ${this.width} ${height}`, width: this.width, height, "aria-label": label })) this.svg.setAttribute(name, value);
    this.svg.replaceChildren(...lines, ...texts);
  }
}

/** Of each step, the rows with a descendant in the last one; `best`: the row that leads to the best. */
function survivors(steps) {
  const alive = steps.map(() => new Set());
  alive.best = steps.map(() => null);
  const last = steps.length - 1;
  steps[last].forEach((_, row) => alive[last].add(row));
  alive.best[last] = steps[last].length ? 0 : null;
  for (let step = last; step > 0; step--) {
    for (const row of alive[step]) alive[step - 1].add(steps[step][row].parent);
    const best = alive.best[step];
    alive.best[step - 1] = best === null ? null : steps[step][best].parent;
  }
  return alive;
}

// The explorable `backprop`: blame flows back through a formula, and a network learns by it. Chapter 02.
//
// Key idea: the same rule twice. In a formula every number can be followed by hand; in the network
// it moves all weights at once, and one sees what for.
// State: expression, values, trained, lr, step, ask; points, hidden, activation, seed, rate,
// momentum, plane, axes.

import { element } from "./dom.mjs";
import { ExpressionPart } from "./expression_part.mjs";
import { NetworkPart } from "./network_part.mjs";

function render({ model, el, signal }) {
  const ended = new AbortController();
  signal?.addEventListener("abort", () => ended.abort());
  const parts = [new ExpressionPart(model), new NetworkPart(model)];
  const section = element("section", { className: "gx gb-backprop", "aria-label": "Blame flows back" }, ...parts.map((part) => part.el));
  // JupyterLab would take the arrow keys, and Shift-Enter.
  section.addEventListener("keydown", (event) => event.stopPropagation());
  el.append(section);
  const [formula] = parts;
  formula.picture.layout();
  const sizes = new ResizeObserver(() => formula.picture.layout());
  sizes.observe(section);
  const reactions = parts.flatMap((part) => Object.entries(part.reactions));
  for (const [event, react] of reactions) model.on(event, react);
  ended.signal.addEventListener("abort", () => {
    for (const [event, react] of reactions) model.off(event, react);
    sizes.disconnect();
    for (const part of parts) part.stop();
  });
  return () => ended.abort();
}

export default { render };

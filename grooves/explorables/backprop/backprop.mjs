// The explorable `backprop`: gradients flow back through a formula, and a network learns by it. Chapter 02.
//
// Key idea: the same rule twice. In a formula every number can be followed by hand; in a network the
// rule updates all weights at once, and the decision regions show what for.
// State: expression, values, trained, lr, step, ask; points, hidden, activation, seed, rate,
// momentum, plane, axes.

import { element } from "../shared/dom.mjs";
import { explorable, react } from "../shared/explorable.mjs";
import { ExpressionPart } from "./expression_part.mjs";
import { NetworkPart } from "./network_part.mjs";
import { Tabs } from "../shared/tabs.mjs";

export default explorable((model) => {
  const parts = [new ExpressionPart(model), new NetworkPart(model)];
  const [formula, network] = parts;
  const tabs = new Tabs("A formula, then a network", [["1. One formula", formula.el], ["2. A network", network.el]]);
  const el = element("section", { className: "gx gb-backprop", "aria-label": "Backpropagation, step by step" }, ...tabs.elements);
  const follow = (signal) => {
    formula.picture.layout();
    const sizes = new ResizeObserver(() => formula.picture.layout());
    sizes.observe(el);
    react(model, parts.flatMap((part) => Object.entries(part.reactions)), signal);
    signal.addEventListener("abort", () => {
      sizes.disconnect();
      for (const part of parts) part.stop();
    });
  };
  return { el, follow };
});

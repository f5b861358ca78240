// The explorable `memory`: will a model fit, and what must give; and numbers down to the bit. Chapter 12.
//
// Key idea: two looks at the same question. A number takes as many bytes as its format says, and
// is worth what its bits say.
// State: view; models, devices, model, device, ask, task, precision, recipe, batch, context, kept,
// small_cache, need; format, number, pattern, largest.

import { radios } from "./controls.mjs";
import { element } from "./dom.mjs";
import { BitsPart } from "./memory_bits.mjs";
import { FitPart } from "./memory_fit.mjs";

const VIEWS = [["fit", "Will it fit?"], ["bits", "Down to the bit"]];

function render({ model, el, signal }) {
  const ended = new AbortController();
  signal?.addEventListener("abort", () => ended.abort());
  const parts = { fit: new FitPart(model), bits: new BitsPart(model) };
  const views = radios("View", VIEWS, (view) => {
    model.set("view", view);
    model.save_changes();
  });
  views.el.classList.add("gm-views");
  const section = element("section", { className: "gx gm", "aria-label": "Memory and numbers" }, views.el, parts.fit.el, parts.bits.el);
  // JupyterLab would take the arrow keys, and Shift-Enter.
  section.addEventListener("keydown", (event) => event.stopPropagation());
  const turn = () => {
    views.set(model.get("view"));
    for (const [name, part] of Object.entries(parts)) part.el.hidden = name !== model.get("view");
  };
  turn();
  el.append(section);
  const reactions = [["change:view", turn], ...Object.values(parts).flatMap((part) => Object.entries(part.reactions))];
  for (const [event, react] of reactions) model.on(event, react);
  ended.signal.addEventListener("abort", () => {
    for (const [event, react] of reactions) model.off(event, react);
  });
  return () => ended.abort();
}

export default { render };

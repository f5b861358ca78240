// The explorable `memory`: will a model fit, and what has to change; and numbers down to the bit. Chapter 12.
//
// Key idea: two views of the same question. A number takes as many bytes as its format says, and
// is worth what its bits say.
// State: view; models, devices, model, device, ask, task, precision, recipe, batch, context, kept,
// small_cache, need; format, number, pattern, largest.

import { radios } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { explorable, Part, react } from "../shared/explorable.mjs";
import { BitsPart } from "./bits.mjs";
import { FitPart } from "./fit.mjs";

const VIEWS = [["fit", "Will it fit?"], ["bits", "Down to the bit"]];

class Memory extends Part {
  constructor(model) {
    super(model);
    this.parts = { fit: new FitPart(model), bits: new BitsPart(model) };
    this.views = radios("View", VIEWS, (view) => this.save({ view }));
    this.views.el.classList.add("gm-views");
    const { fit, bits } = this.parts;
    this.el = element("section", { className: "gx gm", "aria-label": "Memory and numbers" }, this.views.el, fit.el, bits.el);
    this.#turn();
  }

  #turn() {
    this.views.set(this.get("view"));
    for (const [name, part] of Object.entries(this.parts)) part.el.hidden = name !== this.get("view");
  }

  follow(signal) {
    const reactions = Object.values(this.parts).flatMap((part) => Object.entries(part.reactions));
    react(this.model, [["change:view", () => this.#turn()], ...reactions], signal);
  }
}

export default explorable((model) => new Memory(model));

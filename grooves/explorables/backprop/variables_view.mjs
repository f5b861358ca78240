// The variables of a formula: a slider and a number for each, and whether it is trained.

import { element, resize } from "../shared/dom.mjs";
import { show } from "./step_sentences.mjs";

const REACH = 5; // of the sliders, both ways; the number fields know no limit

export class VariablesView {
  #body = element("tbody");

  /** change(name, number) and train(name, whether) are called with what the reader wants. */
  constructor(change, train) {
    Object.assign(this, { change, train });
    const head = (text, more = {}) => element("th", { scope: "col", ...more }, text);
    this.el = element(
      "table",
      { className: "gb-variables" },
      element("thead", {}, element("tr", {}, head("variable"), head("value", { colSpan: 2 }), head("weight"))),
      this.#body,
    );
  }

  #row(i) {
    const slider = element("input", { type: "range", min: -REACH, max: REACH, step: 0.1 });
    const field = element("input", { type: "number", step: "any", className: "gx-number" });
    const box = element("input", { type: "checkbox" });
    const name = () => this.names[i];
    slider.addEventListener("input", () => this.change(name(), slider.valueAsNumber));
    field.addEventListener("input", () => {
      if (Number.isFinite(field.valueAsNumber)) this.change(name(), field.valueAsNumber);
    });
    field.addEventListener("change", () => this.draw(this.last)); // what is no number is put back
    box.addEventListener("change", () => this.train(name(), box.checked));
    const cells = [slider, field, box].map((one) => element("td", {}, one));
    return element("tr", {}, element("th", { scope: "row" }), ...cells);
  }

  /** state: { names, given: { name: number }, trained: names } */
  draw(state) {
    this.last = state;
    const { names, given, trained } = state;
    this.names = names;
    resize(this.#body, names.length, (i) => this.#row(i)).forEach((row, i) => {
      const [name, [slider, field, box]] = [names[i], row.querySelectorAll("input")];
      row.firstChild.textContent = name;
      slider.value = given[name];
      slider.setAttribute("aria-label", `${name}, slider`);
      slider.setAttribute("aria-valuetext", show(given[name]));
      // A field that holds the number already is left alone: somebody may be typing 0.50 there.
      if (field.valueAsNumber !== given[name]) field.value = Number(given[name].toPrecision(6));
      field.setAttribute("aria-label", `Value of ${name}`);
      box.checked = trained.includes(name);
      box.setAttribute("aria-label", `${name} is a weight`);
    });
  }
}

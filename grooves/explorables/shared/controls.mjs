// Buttons, sliders and lists of choices with their labels.

import { element } from "./dom.mjs";

/** A button; while it is `ariaDisabled` it can be reached, and does nothing. */
export function button(text, action) {
  const made = element("button", { type: "button", className: "gx-action" }, text);
  made.addEventListener("click", () => {
    if (made.ariaDisabled !== "true") action();
  });
  return made;
}

/** A slider in its label: { el, set(value, text) }; change(number) is called when it is moved. */
export function slider(label, range, change) {
  const [input, output] = [element("input", { type: "range", ...range }), element("output")];
  input.addEventListener("input", () => change(input.valueAsNumber));
  const set = (value, text) => {
    input.value = value;
    input.setAttribute("aria-valuetext", text);
    output.textContent = text;
  };
  return { el: element("label", { className: "gx-slider" }, label, input, output), set };
}

/** A slider for a rate, on which every tenth is a factor: from 10^min to 10^max. */
export function rateSlider(label, { min, max }, change, show) {
  const made = slider(label, { min, max, step: 0.1 }, (power) => change(Number((10 ** power).toPrecision(2))));
  return { el: made.el, set: (rate) => made.set(Math.log10(rate), show(rate)) };
}

/** Choices of which one holds: { el, labels, set(value) }; change(value) is called for another one.
 * options: pairs of a value and what stands beside its button, a name or elements.
 * look: className of the group, option of each label, titled where the group's label is to be seen.
 */
export function radios(label, options, change, { className = "gx-radios", option = "", titled = false } = {}) {
  const name = `gx-${Math.random().toString(36).slice(2, 8)}`;
  const labels = options.map(([value, content]) => {
    const input = element("input", { type: "radio", name, value });
    input.addEventListener("change", () => change(value));
    return element("label", { className: option }, input, ...(Array.isArray(content) ? content : [element("span", {}, content)]));
  });
  const title = titled ? [element("span", { "aria-hidden": "true" }, label)] : [];
  const el = element("div", { className, role: "radiogroup", "aria-label": label }, ...title, ...labels);
  return { el, labels, set: (value) => labels.forEach(({ control }) => (control.checked = control.value === `${value}`)) };
}

/** A box to tick in its label: { el, input }. */
export function check(label, change) {
  const input = element("input", { type: "checkbox" });
  input.addEventListener("change", () => change(input.checked));
  return { el: element("label", { className: "gx-check" }, input, label), input };
}

/** A list in its label: { el, input }. options: pairs of a value and its name. */
export function choice(label, options, change) {
  const input = element("select", {}, ...options.map(([value, name]) => element("option", { value }, name)));
  input.addEventListener("change", () => change(input.value));
  return { el: element("label", { className: "gx-choice" }, label, input), input };
}

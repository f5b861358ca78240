// The settings of the sampler: a slider for each, and what it is applied to.
//
// Key idea: every setting can be switched off, so that one can be tried alone. The perfect model is
// the language itself: whatever a sampler changes there is the sampler's fault.
// Chapter 08.

import { button, choice, slider } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { NEUTRAL } from "./samplers.mjs";

const TENTHS = Array.from({ length: 21 }, (_, i) => i / 10);
// name of the setting, label, and the values that the slider has
const SLIDERS = [
  ["temperature", "Temperature", TENTHS],
  ["top_k", "Top-k", [1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, null]],
  ["top_p", "Top-p", [0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1]],
  ["min_p", "Min-p", [0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1]],
  ["epsilon", "Epsilon", [0, 0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3]],
];
export const SOURCES = [["model", "trained"], ["language", "perfect"]];
export const NAMES = [...Object.keys(NEUTRAL), "source"];

/** The settings of a part's state. */
export function settingsOf(part) {
  return Object.fromEntries(Object.keys(NEUTRAL).map((name) => [name, part.get(name)]));
}

/** A setting's value for people. */
function shown(name, value) {
  return name !== "temperature" && value === NEUTRAL[name] ? "off" : `${value}`;
}

/** The place of the value that is nearest; the last one for null. */
function nearest(values, value) {
  if (value === null) return values.length - 1;
  const distance = (one) => (one === null ? Infinity : Math.abs(one - value));
  return values.reduce((found, one, i) => (distance(one) < distance(values[found]) ? i : found), 0);
}

export class Settings {
  /** change(changes): called with what the reader sets. */
  constructor(change) {
    this.sliders = SLIDERS.map(([name, label, values]) => {
      const made = slider(label, { min: 0, max: values.length - 1, step: 1 }, (i) => change({ [name]: values[i] }));
      return { name, values, made };
    });
    this.source = choice("Model", SOURCES, (source) => change({ source }));
    this.reset = button("All off", () => change(NEUTRAL));
    const last = element("div", { className: "gs-source" }, this.source.el, this.reset);
    this.el = element("div", { className: "gs-settings", role: "group", "aria-label": "Sampler" }, ...this.sliders.map(({ made }) => made.el), last);
  }

  /** state: the settings, and the source. */
  draw(state) {
    for (const { name, values, made } of this.sliders) made.set(nearest(values, state[name]), shown(name, state[name]));
    this.source.input.value = state.source;
    this.reset.ariaDisabled = String(Object.entries(NEUTRAL).every(([name, value]) => state[name] === value));
  }
}

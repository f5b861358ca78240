// What is known of a run, as columns: their titles with units, and their numbers as texts.

import { digits, quantity } from "../shared/units.mjs";

const small = (value) => (value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential(1).replace("e-", "e−") : digits(value));
const count = (value) => Math.round(value).toLocaleString("en");
const bytes = (value) => (value < 0 ? small(value) : quantity(value, "B"));

// Of each column: its title in the table, its title in the chart, and a number as text.
const COLUMNS = {
  loss_above_floor: ["Loss above the floor", "loss above the floor (nats per word)", small],
  loss: ["Loss", "loss (nats per word)", small],
  learning_rate: ["Learning rate", "learning rate", small],
  gradient_norm: ["Gradient norm", "gradient norm", small],
  words_per_s: ["Words per second", "words per second", (value) => count(Number(value.toPrecision(3)))],
  memory_bytes: ["Memory", "memory (bytes)", bytes],
  processors: ["Processors", "processors in use", (value) => value.toFixed(1)],
  step: ["Steps", "steps", count],
  seconds: ["Seconds", "seconds of training", small],
};

export const UNKNOWN = "–";
export const DRAWN = Object.keys(COLUMNS).filter((name) => name !== "step"); // the first ones of a list

export const title = (name) => COLUMNS[name]?.[0] ?? name;
export const axis = (name) => COLUMNS[name]?.[1] ?? name;

/** A number of a column as text; a dash where it is not known. */
export function shown(name, value) {
  if (value === null || value === undefined) return UNKNOWN;
  return (COLUMNS[name]?.[2] ?? small)(value);
}

/** The column that is drawn where none was chosen: the loss, above the floor where all runs know it. */
export function usual(runs) {
  const trained = runs.filter(({ latest }) => "loss" in latest);
  return trained.length && trained.every(({ latest }) => "loss_above_floor" in latest) ? "loss_above_floor" : "loss";
}

/** All columns that can be drawn of some runs, the known ones first. */
export function drawable(runs) {
  const there = new Set(runs.flatMap(({ latest }) => Object.keys(latest)));
  there.delete("step");
  const others = [...there].filter((name) => !DRAWN.includes(name)).sort();
  const found = [...DRAWN.filter((name) => there.has(name)), ...others];
  return found.length ? found : ["loss"];
}

// What the explorable `devices` says: numbers with units, verdicts, who waits. Chapter 13.

import { digits, quantity } from "../shared/units.mjs";

export const gib = (bytes) => `${digits(bytes / 2 ** 30)} GiB`;
export const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}%`;

const whole = (value) => Math.round(Number(value.toPrecision(3))).toLocaleString("en");

/** Rows of the table: a name, and the text of a result. */
export const FIGURES = [
  ["Time of a step", ({ step }) => quantity(step.seconds, "s")],
  ["Tokens trained per second", ({ step }) => whole(step.tokensPerSecond)],
  ["MFU", ({ step }) => percent(step.mfu)],
  ["Idle in the bubble", ({ step }) => percent(step.bubbleShare)],
  ["Waiting for messages", ({ step }) => percent(step.sentShare)],
  ["Hidden behind computing", ({ step }) => quantity(step.hidden, "s")],
  ["Memory per device", ({ step, cluster }) => `${gib(step.bytes)} of ${digits(cluster.memory / 2 ** 30)}`],
  ["If all share each matrix, one user’s token", ({ token, cluster }) => (token ? quantity(token.local + token.sent, "s") : `heads do not divide by ${cluster.n}`)],
  ["64 users’ tokens per second", ({ many }) => (many ? whole(64 / (many.local + many.sent)) : "–")],
];

/** What an experiment measures, and how it is called. */
export const MEASURES = {
  seconds: { name: "A step takes", of: ({ step }) => step.seconds, show: (value) => quantity(value, "s") },
  state: { name: "Weights, gradients and optimizer state take", of: ({ step }) => step.memory.state, show: gib },
  token: { name: "One user’s next token takes", of: ({ token }) => token.local + token.sent, show: (value) => quantity(value, "s") },
};

export function question({ change, measure }, before) {
  const { name, show } = MEASURES[measure];
  return `${name} ${show(before)}. ${change}. How does that change?`;
}

export function verdict({ measure }, before, after) {
  const { name, show } = MEASURES[measure];
  return `${name} ${show(after)} in place of ${show(before)}, ${digits(Number((after / before).toPrecision(2)))} times as much.`;
}

/** Who waits for whom, in a sentence. */
export function waits({ step }, plan) {
  const parts = [
    [step.bubble, "stages wait until the pipeline is full, and again while it empties"],
    [step.added, "devices wait until each layer’s parts have been added up"],
    [step.data, "devices wait for gradients or weights that nothing hides"],
  ];
  const [most, words] = parts.reduce((one, other) => (other[0] > one[0] ? other : one));
  if (most < 0.01 * step.seconds) return "Devices hardly wait for each other.";
  return `Most waiting: ${words} (${percent(most / step.seconds)} of the step${plan.pipeline > 1 && most === step.bubble ? `, ${plan.pipeline - 1} of ${plan.micro + plan.pipeline - 1} slots` : ""}).`;
}

/** What to change where the memory is too small. */
export function doesNotFit({ step, cluster }, plan) {
  const over = `${gib(step.bytes)} are needed on each device, and there are ${gib(cluster.memory)}.`;
  const mostlyState = step.memory.state > step.memory.activations;
  if (mostlyState && plan.data > 1 && plan.zero < (plan.pipeline > 1 ? 1 : 3)) return `${over} Weights, gradients and optimizer state take most of it: take a higher stage of ZeRO, or divide matrices or layers.`;
  if (mostlyState) return `${over} Weights, gradients and optimizer state take most of it: divide matrices or layers further, or take more devices.`;
  if (plan.recompute !== "full") return `${over} Activations take most of it: take more micro-batches, or recompute everything.`;
  return `${over} Take more micro-batches, or divide further.`;
}

// What the explorable `memory` says, with its numbers.

import { budget, devices, PRECISIONS, RECIPES, REMEDIES, RESERVE, total, usable } from "./budget.mjs";

export const count = (n) => n.toLocaleString("en", { maximumFractionDigits: 2 });
export const some = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;

/** Bytes for people: 326 GiB, 15 GiB, 374 KiB. A GiB is 2^30 bytes, as in a driver's figure. */
export function size(bytes) {
  const [unit, name] = [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]].find(([unit]) => bytes >= unit * 0.9995) ?? [1, "bytes"];
  const n = bytes / unit;
  return `${n.toLocaleString("en", { maximumFractionDigits: n < 9.995 ? 2 : n < 99.95 ? 1 : 0 })} ${name}`;
}

export const percent = (share) => (share < 0.01 ? "under 1%" : `${Math.round(100 * share)}%`);

export const NAMES = {
  weights: "weights",
  gradients: "gradients",
  optimizer: "optimizer state",
  activations: "activations",
  cache: "KV cache",
};
export const PRECISION_NAMES = { fp32: "32 bits (fp32)", bf16: "16 bits (bf16, fp16)", int8: "8 bits (int8, fp8)", int4: "4 bits (int4)" };
export const RECIPE_NAMES = { fp32: "32 bits throughout", mixed: "mixed: 16 bits, a copy in 32", bf16: "16 bits throughout" };
export const KEPT_NAMES = { everything: "everything", no_scores: "all but attention scores", inputs: "only each layer’s input" };

const IN_PRECISION = { fp32: "in 32 bits throughout", mixed: "in mixed precision", bf16: "in 16 bits throughout" };
const KEEPING = { everything: "keeping everything", no_scores: "keeping all but the attention scores", inputs: "keeping only each layer’s input" };

/** The model and what it is used for, in words. */
export function situation(model, c) {
  const texts = c.batch === 1 ? "one text" : `${count(c.batch)} texts at once`;
  const each = c.batch === 1 ? "" : " each";
  if (c.task === "train") return `${model.name} is trained with Adam on ${texts} of ${count(c.context)} tokens${each}, ${IN_PRECISION[c.recipe]}, ${KEEPING[c.kept]} for the backward pass.`;
  return `Inference: ${model.name} on ${texts} of ${count(c.context)} tokens${each}, with weights in ${PRECISION_NAMES[c.precision]}.`;
}

/** How each part is counted: a formula, and the same with its numbers. */
export function counted(model, c) {
  const n = count(model.parameters);
  if (c.task === "train") {
    const each = RECIPES[c.recipe];
    const w = each.activations;
    const layer = `${17 * w} × width`;
    const scores = c.kept === "everything" ? ` + ${2.5 * w} × heads × context` : "";
    const layers = c.kept === "inputs" ? `(layers × ${w} × width + ${layer})` : `layers × (${layer}${scores})`;
    const numbers = `layers ${model.n_layer}, width ${count(model.width)}, heads ${model.n_head}, vocabulary ${count(model.vocabulary)}`;
    return {
      weights: `parameters × ${each.weights} bytes = ${n} × ${each.weights}`,
      gradients: `parameters × ${each.gradients} bytes`,
      optimizer: `parameters × ${each.optimizer} bytes: ${each.optimizer === 12 ? "two moments and a copy of the weights, 4 each" : `two moments, ${each.optimizer / 2} each`}`,
      activations: `tokens × [${layers} + ${2 * w} × width + 4 × vocabulary], with tokens = batch × context = ${count(c.batch * c.context)}; ${numbers}`,
    };
  }
  const bytes = Math.max(2, PRECISIONS[c.precision]);
  return {
    weights: `parameters × ${PRECISIONS[c.precision]} bytes = ${n} × ${PRECISIONS[c.precision]}`,
    activations: `${17 * bytes} bytes × width ${count(model.width)} × tokens in one chunk of the prompt, ${count(Math.min(c.context, 2048))}, + 4 × batch × vocabulary ${count(model.vocabulary)}`,
    cache: `2 × layers ${model.n_layer} × KV heads ${model.n_kv_head} × head size ${model.head_dim} × context ${count(c.context)} × batch ${count(c.batch)} × ${c.small_cache ? 1 : bytes} bytes`,
  };
}

const REMEDY = {
  half: () => ["store and compute in 16 bits", "hardly any precision"],
  batch: ({ task, batch }) =>
    task === "train"
      ? [`take ${some(batch, "text")} at a time and accumulate the gradients of several passes`, "none in the result, but the device is used less fully"]
      : [`generate ${some(batch, "text")} at a time`, "other users have to wait"],
  small_cache: () => ["keep the KV cache in 8 bits", "a little precision"],
  int8: () => ["store the weights in 8 bits", "a little precision"],
  int4: () => ["store the weights in 4 bits", "more precision than 8 bits cost: measure it"],
  context: ({ context }) => [`shorten the context to ${count(context)} tokens`, "the model cannot attend to anything further back"],
  no_scores: () => ["compute attention in tiles, as FlashAttention does, without storing the scores", "none"],
  mixed: () => ["train in mixed precision", "less precision in the forward and backward pass"],
  checkpoint: () => ["keep only each layer’s input and recompute the rest (checkpointing)", "about a third more computation"],
  bf16: () => ["keep everything in 16 bits, including the optimizer state", "small updates are lost to rounding"],
};

/** Does it fit into a device? */
export function fit(need, { memory_gib: gib }) {
  const all = total(need);
  if (all <= usable(gib)) return `It fits: ${size(all)} of ${gib} GiB, of which ${size(usable(gib))} may be used.`;
  return `It does not fit into ${gib} GiB: ${size(all)} are needed, and ${size(usable(gib))} may be used.`;
}

/** What has to change. steps: of `remedy`; empty where nothing has to. */
export function whatGives(model, choices, steps, { memory_gib: gib }) {
  if (steps && !steps.length) return "Nothing has to change.";
  const share = devices(budget(model, choices), gib);
  if (!steps) {
    const fewer = choices.task === "train" ? ", or train fewer weights than all (chapter 6)" : "";
    const all = Object.assign({ ...choices }, ...REMEDIES[choices.task].map(({ levels }) => levels(choices).at(-1) ?? {}));
    const least = budget(model, all);
    const between = devices(least, gib);
    return `Even all remedies together leave ${size(total(least))}: split that over ${some(between, "such device")} (${count(share)} without any remedy)${fewer}.`;
  }
  const changed = Object.assign({ ...choices }, ...steps.map(({ change }) => change));
  const [what, prices] = [0, 1].map((part) => steps.map(({ name }) => REMEDY[name](changed)[part]));
  const listed = what.length > 1 ? `${what.slice(0, -1).join("; ")}; and ${what.at(-1)}` : what[0];
  const lead = steps.length > 1 ? "No single remedy is enough. Cheapest together" : "Cheapest remedy";
  const price = steps.length > 1 ? "Prices" : "Price";
  return `${lead}: ${listed}. Then ${size(total(budget(model, changed)))}. ${price}: ${prices.join("; ")}. Without it: ${some(share, "such device")}.`;
}

export const ASSUMED = `Each frame is a device; the striped part does not fit. Assumed: ${100 * RESERVE}% of a device stays free for the driver, buffers and fragmentation (behind the dashed line); several devices split everything evenly; a GiB is 2³⁰ bytes, and makers’ “24 GB” of memory are GiB.`;

/** Whether a guess was right. guess, smallest: in GiB, 0 for none of them. */
export function judged(guess, smallest) {
  if (guess === null) return "";
  if (guess === smallest) return "Your guess was right. ";
  if (!smallest) return `You guessed ${guess} GiB, but none of the devices is enough alone. `;
  if (!guess) return `You guessed that none is enough, but ${smallest} GiB are. `;
  if (guess > smallest) return `You guessed ${guess} GiB, but ${smallest} GiB are enough. `;
  return `You guessed ${guess} GiB, which is too small: it takes ${smallest} GiB. `;
}

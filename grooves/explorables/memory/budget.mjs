// What a model needs in memory, as grooves/precision/budget.py counts it, and what has to change where it is too
// much. Chapter 12.
//
// Key idea: what each remedy costs is known before it is tried, so they are tried in that order.

export const PARTS = ["weights", "gradients", "optimizer", "activations", "cache"];
export const PRECISIONS = { fp32: 4, bf16: 2, int8: 1, int4: 0.5 }; // bytes per weight, at inference
export const RECIPES = { // bytes a parameter and an activation, training with Adam
  fp32: { weights: 4, gradients: 4, optimizer: 8, activations: 4 },
  mixed: { weights: 2, gradients: 2, optimizer: 12, activations: 2 },
  bf16: { weights: 2, gradients: 2, optimizer: 4, activations: 2 },
};
export const KEPT = ["everything", "no_scores", "inputs"];
export const PIECE = 2048; // tokens of a prompt that are read at once
export const RESERVE = 0.1; // of a device's memory
export const LEAST_CONTEXT = 1024; // tokens: below that nobody would want to go

/** What the forward pass keeps for the backward pass. Source: Korthikanti et al. 2022, arXiv:2205.05198. */
function trainingActivations(model, { context, batch, kept }, size) {
  const n = context * batch;
  const layer = n * model.width * 17 * size; // 34 bytes at 16 bits
  const scores = n * context * model.n_head * 2.5 * size;
  const inputs = n * model.width * size;
  const end = 2 * inputs + 4 * n * model.vocabulary;
  if (kept === "inputs") return model.n_layer * inputs + layer + end;
  return model.n_layer * (layer + (kept === "everything" ? scores : 0)) + end;
}

/** Bytes of each of `PARTS`. choices: { task, context, batch, precision, small_cache, recipe, kept }. */
export function budget(model, choices) {
  if (choices.task === "train") {
    const each = RECIPES[choices.recipe];
    const of = (part) => model.parameters * each[part];
    const activations = trainingActivations(model, choices, each.activations);
    return { weights: of("weights"), gradients: of("gradients"), optimizer: of("optimizer"), activations, cache: 0 };
  }
  const size = Math.max(2, PRECISIONS[choices.precision]);
  const values = 2 * model.n_layer * model.n_kv_head * model.head_dim * choices.context * choices.batch;
  const atOnce = Math.min(choices.context, PIECE);
  return {
    weights: model.parameters * PRECISIONS[choices.precision],
    gradients: 0,
    optimizer: 0,
    activations: 17 * size * atOnce * model.width + 4 * choices.batch * model.vocabulary,
    cache: values * (choices.small_cache ? 1 : size),
  };
}

export const total = (need) => PARTS.reduce((sum, part) => sum + need[part], 0);

/** How many bytes of a device may be used. */
export const usable = (memoryGib) => (1 - RESERVE) * memoryGib * 2 ** 30;

/** How many such devices hold it between them, if all is shared out evenly. */
export const devices = (need, memoryGib) => Math.max(1, Math.ceil(total(need) / usable(memoryGib)));

// ---- what must give ------------------------------------------------------------------------------

/** A number halved again and again, not below `least`; the mildest first. */
function halved(from, least) {
  const found = [];
  for (let n = Math.floor(from / 2); n >= least; n = Math.floor(n / 2)) found.push(n);
  return found;
}

const when = (condition, ...levels) => (condition ? levels : []);

/** Remedies, the cheapest first: what each may change, from the mildest on. */
export const REMEDIES = {
  answer: [
    { name: "half", levels: (c) => when(c.precision === "fp32", { precision: "bf16" }) },
    { name: "batch", levels: (c) => halved(c.batch, 1).map((batch) => ({ batch })) },
    { name: "small_cache", levels: (c) => when(!c.small_cache, { small_cache: true }) },
    { name: "int8", levels: (c) => when(PRECISIONS[c.precision] > 1, { precision: "int8" }) },
    { name: "context", levels: (c) => halved(c.context, LEAST_CONTEXT).map((context) => ({ context })) },
    { name: "int4", levels: (c) => when(PRECISIONS[c.precision] > 0.5, { precision: "int4" }) },
  ],
  train: [
    { name: "no_scores", levels: (c) => when(c.kept === "everything", { kept: "no_scores" }) },
    { name: "batch", levels: (c) => halved(c.batch, 1).map((batch) => ({ batch })) },
    { name: "mixed", levels: (c) => when(c.recipe === "fp32", { recipe: "mixed" }) },
    { name: "checkpoint", levels: (c) => when(c.kept !== "inputs", { kept: "inputs" }) },
    { name: "context", levels: (c) => halved(c.context, LEAST_CONTEXT).map((context) => ({ context })) },
    { name: "bf16", levels: (c) => when(c.recipe !== "bf16", { recipe: "bf16" }) },
  ],
};

/** The cheapest that makes it fit: steps [{ name, change }], none where it fits, null where none do.
 *
 * One remedy alone is tried before several together. Of several, each that is not needed is left
 * out again, the dearest first, and each that stays is as mild as it may be.
 */
export function remedy(model, choices, memoryGib) {
  const fits = (steps) => {
    const changed = Object.assign({ ...choices }, ...steps.map(({ change }) => change));
    return total(budget(model, changed)) <= usable(memoryGib);
  };
  if (fits([])) return [];
  const possible = REMEDIES[choices.task].map(({ name, levels }) => levels(choices).map((change) => ({ name, change })));
  const alone = possible.flat().find((step) => fits([step]));
  if (alone) return [alone];
  let steps = [];
  for (const levels of possible) {
    if (levels.length && !fits(steps)) steps.push(levels.at(-1));
  }
  if (!fits(steps)) return null;
  for (const step of [...steps].reverse()) {
    const without = steps.filter((other) => other !== step);
    if (fits(without)) steps = without;
  }
  for (const levels of possible) {
    const at = steps.indexOf(levels.at(-1));
    const milder = at < 0 ? null : levels.find((step) => fits(steps.map((other, i) => (i === at ? step : other))));
    if (milder) steps[at] = milder;
  }
  return steps;
}

// Tuned models, made of the base model and of what each changed, as grooves/precision/stored_adapters.py keeps it.
//
// Key idea: a matrix comes as integers and a scale for each row, and is added to the base
// model's; LoRA's two thin ones are multiplied first. Chapter 06.

import { readCheckpoint, Transformer } from "../shared/model.mjs";

/** Matrices by way and name: { values: Float32Array, columns }. */
function matrices(bytes) {
  const { weights } = readCheckpoint(bytes);
  const ways = {};
  for (const [path, codes] of Object.entries(weights)) {
    const [, way, name] = /^(\w+)\/(.+)\.codes$/.exec(path) ?? [];
    if (!way) continue;
    const scales = weights[`${way}/${name}.scales`];
    const columns = codes.length / scales.length;
    const values = Float32Array.from(codes, (code, i) => code * scales[Math.floor(i / columns)]);
    (ways[way] ??= {})[name] = { values, columns };
  }
  return ways;
}

const sum = (a, b) => a.map((value, i) => value + b[i]);

/** What LoRA adds to a matrix (fan_out, fan_in): each of its parts is Bᵀ A. */
function product(A, B, size) {
  const [fanIn, wide] = [A.columns, B.columns];
  const parts = size / fanIn / wide;
  const rank = A.values.length / fanIn / parts;
  const change = new Float32Array(size);
  for (let row = 0; row < size / fanIn; row++) {
    const [part, out] = [Math.floor(row / wide), row % wide];
    for (let k = part * rank; k < (part + 1) * rank; k++) {
      const b = B.values[k * wide + out];
      for (let i = 0; i < fanIn; i++) change[row * fanIn + i] += b * A.values[k * fanIn + i];
    }
  }
  return change;
}

function changed(way, base, parts) {
  const made = { ...base };
  for (const [name, { values }] of Object.entries(parts)) {
    if (way === "scratch") made[name] = values;
    else if (name === "head.weight") made[name] = sum(base["embedding.weight"], values);
    else if (!/\.[AB]$/.test(name)) made[name] = sum(base[name], values);
    else if (name.endsWith(".A")) {
      const [layer, weight] = [name.slice(0, -2), `${name.slice(0, -2)}.weight`];
      made[weight] = sum(base[weight], product(parts[name], parts[`${layer}.B`], base[weight].length));
    }
  }
  return made;
}

/** Models by way, the base model among them. base, tuned: bytes (DataViews). */
export function tunedModels(base, tuned) {
  const { config, weights } = readCheckpoint(base);
  const models = { base: new Transformer({ config, weights }) };
  for (const [way, parts] of Object.entries(matrices(tuned))) {
    models[way] = new Transformer({ config, weights: changed(way, weights, parts) });
  }
  return models;
}

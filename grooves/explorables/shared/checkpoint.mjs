// A model's weights, restored from integers of 8 bits, as shared/eight_bits.py packs them.
//
// Key idea: a row has one scale, and a weight is its code times that scale. Chapter 12.

import { readCheckpoint } from "./model.mjs";

/** A checkpoint { config, weights } from its bytes (a DataView). */
export function restored(bytes) {
  const { config, weights: stored } = readCheckpoint(bytes);
  const weights = {};
  for (const [path, codes] of Object.entries(stored)) {
    if (!path.endsWith(".codes")) continue;
    const name = path.slice(0, -".codes".length);
    const scales = stored[`${name}.scales`];
    const columns = codes.length / scales.length;
    weights[name] = Float32Array.from(codes, (code, i) => code * scales[Math.floor(i / columns)]);
  }
  return { config, weights };
}

/** How many weights a checkpoint holds. */
export function size({ weights }) {
  return Object.values(weights).reduce((sum, one) => sum + one.length, 0);
}

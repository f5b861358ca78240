// A network of chapter 01 in the browser: the same as `grooves/models/layers.py`, in plain arrays.

import { softmax } from "../shared/softmax.mjs";

/** A row (fan_in) times weights (fan_in rows of fan_out), and a bias each: (fan_out). */
export function affine(x, W, b) {
  const z = Float64Array.from(b);
  for (let i = 0; i < x.length; i++) {
    if (x[i] === 0) continue; // most pixels are blank
    const row = W[i];
    for (let j = 0; j < z.length; j++) z[j] += x[i] * row[j];
  }
  return z;
}

/** Positive values unchanged, otherwise 0. */
export const relu = (z) => z.map((value) => Math.max(0, value));

/** Layers one after another with a ReLU between any two: weights and biases as nested lists. */
export class Network {
  constructor({ weights, biases }) {
    this.weights = weights;
    this.biases = biases;
  }

  get hasHidden() {
    return this.weights.length > 1;
  }

  /** The forward pass of one picture: sums and activations of each layer, logits and probabilities. */
  run(x) {
    const sums = [];
    let passed = Float64Array.from(x);
    for (const [i, W] of this.weights.entries()) {
      if (i > 0) passed = relu(passed);
      passed = affine(passed, W, this.biases[i]);
      sums.push(passed);
    }
    const hidden = this.hasHidden ? relu(sums[0]) : new Float64Array(0);
    return { sums, hidden, logits: passed, probabilities: softmax(passed) };
  }

  /** The weights of one neuron of the first layer, one for each pixel. */
  stencil(neuron) {
    return this.weights[0].map((row) => row[neuron]);
  }
}

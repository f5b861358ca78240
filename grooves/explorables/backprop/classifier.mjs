// A network with one hidden layer that tells two classes of points apart, and how it learns.
//
// Key idea: the backward pass is written by hand here, a line for each line of the forward pass, on plain
// arrays: the same rules as in scalar.mjs, fast enough to train while you watch. Chapter 02.
//
// All weights lie in one array: for each hidden neuron j its three incoming numbers (from x, from y,
// bias) at 3j, then the h outgoing ones, then the output's bias. A score above 0 means class 1.

import { normal } from "../shared/random.mjs";

export const ACTIVATIONS = {
  tanh: { value: Math.tanh, slope: (_, a) => 1 - a * a },
  relu: { value: (z) => (z > 0 ? z : 0), slope: (z) => (z > 0 ? 1 : 0) },
};

export const size = (hidden) => 4 * hidden + 1;

/** Names of the weights, in the order in which they lie. */
export function weightNames(hidden) {
  const each = (make) => Array.from({ length: hidden }, (_, j) => make(j + 1));
  return [
    ...each((j) => [`x → neuron ${j}`, `y → neuron ${j}`, `bias of neuron ${j}`]).flat(),
    ...each((j) => `neuron ${j} → output`),
    "bias of the output",
  ];
}

/** Initial weights: normal, of variance 1 / fan_in for tanh and 2 / fan_in for ReLU; biases 0.
 *
 * Source: LeCun, Bottou, Orr & Müller 1998 (tanh); He et al. 2015, arXiv:1502.01852 (ReLU).
 */
export function firstWeights(hidden, activation, seed) {
  const draw = normal(seed);
  const gain = activation === "relu" ? 2 : 1;
  const weights = new Float64Array(size(hidden));
  for (let j = 0; j < hidden; j++) {
    weights[3 * j] = draw() * Math.sqrt(gain / 2);
    weights[3 * j + 1] = draw() * Math.sqrt(gain / 2);
  }
  for (let j = 0; j < hidden; j++) weights[3 * hidden + j] = draw() * Math.sqrt(gain / hidden);
  return weights;
}

/** The score of one point. */
export function score(weights, hidden, activation, x, y) {
  const { value } = ACTIVATIONS[activation];
  let sum = weights[4 * hidden];
  for (let j = 0; j < hidden; j++) {
    const z = weights[3 * j] * x + weights[3 * j + 1] * y + weights[3 * j + 2];
    sum += weights[3 * hidden + j] * value(z);
  }
  return sum;
}

/** Loss at a label: -log sigmoid(score) for class 1, in nats; safe for large scores. */
const lossAt = (score, label) => Math.max(score, 0) - score * label + Math.log1p(Math.exp(-Math.abs(score)));

/** Mean loss at the points' labels, in nats, and the share of points on the right side. */
export function judge(weights, hidden, activation, { x, y, labels }) {
  let [loss, right] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    const s = score(weights, hidden, activation, x[i], y[i]);
    loss += lossAt(s, labels[i]);
    right += s > 0 === (labels[i] === 1);
  }
  return { loss: loss / x.length, accuracy: right / x.length };
}

/** The loss, and its gradient with respect to every weight: one forward, one backward pass. */
export function gradient(weights, hidden, activation, { x, y, labels }) {
  const { value, slope } = ACTIVATIONS[activation];
  const n = x.length;
  const g = new Float64Array(weights.length);
  const [z, a] = [new Float64Array(hidden), new Float64Array(hidden)];
  let loss = 0;
  for (let i = 0; i < n; i++) {
    let s = weights[4 * hidden];
    for (let j = 0; j < hidden; j++) {
      z[j] = weights[3 * j] * x[i] + weights[3 * j + 1] * y[i] + weights[3 * j + 2];
      a[j] = value(z[j]);
      s += weights[3 * hidden + j] * a[j];
    }
    loss += lossAt(s, labels[i]);
    const scoreGradient = (1 / (1 + Math.exp(-s)) - labels[i]) / n; // of the score: probability - label
    g[4 * hidden] += scoreGradient;
    for (let j = 0; j < hidden; j++) {
      g[3 * hidden + j] += scoreGradient * a[j];
      const inner = scoreGradient * weights[3 * hidden + j] * slope(z[j], a[j]);
      g[3 * j] += inner * x[i];
      g[3 * j + 1] += inner * y[i];
      g[3 * j + 2] += inner;
    }
  }
  return { loss: loss / n, gradient: g };
}

const LONGEST_PATH = 400; // places that are kept of the way that the weights took

/** A network on its way downhill: all points in every step. */
export class Training {
  /** choices: { hidden, activation, seed } */
  constructor(points, { hidden, activation, seed }) {
    Object.assign(this, { points, hidden, activation });
    this.weights = firstWeights(hidden, activation, seed);
    this.velocity = new Float64Array(this.weights.length);
    this.steps = 0;
    this.path = [this.weights.slice()]; // the initial weights, then those of every stride-th step
    this.stride = 1;
    this.losses = [this.judge().loss]; // before each step, and now
  }

  judge() {
    return judge(this.weights, this.hidden, this.activation, this.points);
  }

  get loss() {
    return this.losses.at(-1);
  }

  /** Whether the loss is no number any more, so that no step leads back. */
  get diverged() {
    return !Number.isFinite(this.loss);
  }

  /** v = momentum v + gradient; w = w - rate v (Polyak 1964, written as in PyTorch's SGD). */
  step(rate, momentum) {
    if (this.diverged) return;
    const { gradient: g } = gradient(this.weights, this.hidden, this.activation, this.points);
    for (let i = 0; i < g.length; i++) {
      this.velocity[i] = momentum * this.velocity[i] + g[i];
      this.weights[i] -= rate * this.velocity[i];
    }
    this.steps++;
    this.losses.push(this.judge().loss);
    if (this.steps % this.stride === 0) this.path.push(this.weights.slice());
    if (this.path.length <= LONGEST_PATH) return;
    this.path = this.path.filter((_, i) => i % 2 === 0); // the first stays
    this.stride *= 2;
  }
}

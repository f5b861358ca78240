// A low-rank change of the output layer, fitted to weighted stories. Chapter 10.
//
// Key idea: the logits become (W + B A) h, with W and all other weights frozen, as LoRA does. The
// states h of a text do not depend on B and A, so a text is read once, and every step after that
// costs a few products of R numbers.
// Letters: C channels, V words, R rank. Sources: Hu et al. 2021 (LoRA), arXiv:2106.09685; weights
// exp(r / beta): Peters and Schaal 2007, doi:10.1145/1273496.1273590.

import { normal } from "../shared/random.mjs";

export const RANK = 4;
export const STEPS = 16;
export const BATCH = 30; // stories per step
const [RATE_A, RATE_B, MOMENTUM] = [0.05, 0.3, 0.9]; // length of a step of A and of B

/** B A, with A (R, C) random and B (V, R) zero at first, so that nothing is changed yet. */
export class LowRank {
  constructor(nChannels, nWords, rank = RANK) {
    Object.assign(this, { nChannels, nWords, rank });
    const next = normal(1);
    this.A = Float64Array.from({ length: rank * nChannels }, () => next() / Math.sqrt(nChannels));
    this.B = new Float64Array(nWords * rank);
  }

  /** A h: (R,). */
  down(state) {
    const { rank, nChannels: C, A } = this;
    const inner = new Float64Array(rank);
    for (let r = 0; r < rank; r++) for (let i = 0; i < C; i++) inner[r] += A[r * C + i] * state[i];
    return inner;
  }

  /** What is added to the logits after a state (C,): B A h, (V,). */
  shift(state, inner = this.down(state)) {
    const { rank, nWords, B } = this;
    const added = new Float64Array(nWords);
    for (let v = 0, k = 0; v < nWords; v++) for (let r = 0; r < rank; r++, k++) added[v] += B[k] * inner[r];
    return added;
  }

  /** The next word's distribution, (V,), from the frozen model's; and KL of the two, in nats. */
  changed(reference, state, inner = this.down(state)) {
    const added = this.shift(state, inner);
    const p = new Float64Array(this.nWords);
    let total = 0;
    for (let v = 0; v < p.length; v++) total += p[v] = reference[v] * Math.exp(added[v]);
    let mean = 0;
    for (let v = 0; v < p.length; v++) mean += (p[v] /= total) * added[v];
    return { p, kl: Math.max(0, mean - Math.log(total)) }; // rounding may make it negative
  }

  /** Length of the change, as the root of the sum of squares of B A. */
  get size() {
    const { rank, nChannels: C, nWords: V, A, B } = this;
    let sum = 0;
    for (let v = 0; v < V; v++) {
      for (let i = 0; i < C; i++) {
        let one = 0;
        for (let r = 0; r < rank; r++) one += B[v * rank + r] * A[r * C + i];
        sum += one * one;
      }
    }
    return Math.sqrt(sum);
  }
}

/** Weights exp(r / beta) with mean 1, (N,), of stories drawn from the frozen model. */
export function weights(rewards, beta) {
  const top = Math.max(...rewards);
  const found = rewards.map((reward) => Math.exp((reward - top) / beta));
  const mean = found.reduce((sum, one) => sum + one, 0) / found.length;
  return found.map((one) => one / mean);
}

/** How many equally weighted stories would be as good: (sum w)² / sum w². */
export function effective(found) {
  const [sum, squares] = found.reduce(([a, b], one) => [a + one, b + one * one], [0, 0]);
  return (sum * sum) / squares;
}

/** Gradient of the loss on some stories with respect to A and B, and the loss.
 *
 * The loss per story: KL(reference, model) summed over its words, plus (1 - w) times the story's
 * log-probability. On average over stories of the reference, its gradient is that of -w log p,
 * whose optimum is the reference times exp(r / beta), with less noise.
 * stories: { tokens, states, references }, of which word t was drawn after states[t]. found: w.
 */
export function gradient(update, stories, found) {
  const { rank, nChannels: C, nWords: V, A, B } = update;
  const [dA, dB] = [new Float64Array(A.length), new Float64Array(B.length)];
  const n = stories.length;
  let loss = 0;
  stories.forEach(({ tokens, states, references }, story) => {
    const extra = found[story] - 1;
    tokens.forEach((token, t) => {
      const [state, reference] = [states[t], references[t]];
      const inner = update.down(state);
      const added = update.shift(state, inner);
      const p = new Float64Array(V);
      let [total, mean] = [0, 0];
      for (let v = 0; v < V; v++) total += p[v] = reference[v] * Math.exp(added[v]);
      for (let v = 0; v < V; v++) mean += reference[v] * added[v];
      const norm = Math.log(total);
      loss += (norm - mean - extra * (Math.log(reference[token]) + added[token] - norm)) / n;
      const back = new Float64Array(rank);
      for (let v = 0, k = 0; v < V; v++) {
        const share = p[v] / total;
        let d = share - reference[v] + extra * share;
        if (v === token) d -= extra;
        d /= n;
        for (let r = 0; r < rank; r++, k++) {
          dB[k] += d * inner[r];
          back[r] += d * B[k];
        }
      }
      for (let r = 0; r < rank; r++) for (let i = 0; i < C; i++) dA[r * C + i] += back[r] * state[i];
    });
  });
  return { loss, dA, dB };
}

/** Fit an update to weighted stories, as a generator that pauses after each step. */
export function* fit(update, stories, found, steps = STEPS, batch = BATCH) {
  const momenta = [update.A, update.B].map((matrix) => new Float64Array(matrix.length));
  const size = Math.min(batch, stories.length);
  for (let step = 0; step < steps; step++) {
    const places = Array.from({ length: size }, (_, j) => (step * size + j) % stories.length);
    const { dA, dB, loss } = gradient(update, places.map((i) => stories[i]), places.map((i) => found[i]));
    const slower = Math.min(1, 2 * (1 - (step + 1) / (steps + 1))); // the second half fades out
    [[update.A, dA, RATE_A], [update.B, dB, RATE_B]].forEach(([matrix, d, rate], which) => {
      const momentum = momenta[which];
      let squares = 0;
      for (let i = 0; i < d.length; i++) squares += (momentum[i] = MOMENTUM * momentum[i] + d[i]) ** 2;
      const factor = (rate * slower) / (Math.sqrt(squares) + 1e-9);
      for (let i = 0; i < d.length; i++) matrix[i] -= factor * momentum[i];
    });
    yield { step: step + 1, steps, loss };
  }
}

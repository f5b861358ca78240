// A reward from thumbs: the Bradley-Terry model on the frozen model's own states. Chapter 10.
//
// Key idea: with few thumbs, few numbers can be learned. The frozen model's states know how a story
// ended; one weight per channel says which of that the reader likes.
// Source: Bradley and Terry 1952, Biometrika 39.

const LAST = 20; // words at the end whose states are averaged
const FLOOR = 0.1; // added to each feature's spread, so that none of them is blown up
const PRIOR = 3; // of squared weights, halved: without thumbs all rewards are 0
const ROUNDS = 2000; // of gradient descent

/** What a story shows to the judge: mean state of its last words, and its length: (C + 1,). */
export function features({ states }) {
  const last = states.slice(-LAST);
  const mean = Float64Array.from(last[0], (_, i) => last.reduce((sum, state) => sum + state[i], 0) / last.length);
  return Float64Array.from([...mean, states.length / 10]);
}

/** Mean and spread of every feature over some stories, which set the scale. */
export function scaleOf(table) {
  const mean = table[0].map((_, i) => table.reduce((sum, row) => sum + row[i], 0) / table.length);
  const spread = mean.map((middle, i) => FLOOR + Math.sqrt(table.reduce((sum, row) => sum + (row[i] - middle) ** 2, 0) / table.length));
  return { mean, spread };
}

/** Weights (F,) such that sigmoid(r(chosen) - r(rejected)) fits the thumbs; 0 without any.
 *
 * pairs: [features of the chosen, features of the rejected]. scale: of `scaleOf`.
 */
export function learned(pairs, { spread }) {
  const rows = pairs.map(([chosen, rejected]) => chosen.map((value, i) => (value - rejected[i]) / spread[i]));
  const weights = new Float64Array(spread.length);
  const squares = rows.reduce((sum, row) => sum + row.reduce((all, value) => all + value * value, 0), 0);
  const rate = 1 / (PRIOR + squares / 4); // a bound of the curvature
  for (let round = 0; round < ROUNDS && rows.length; round++) {
    const d = weights.map((weight) => PRIOR * weight);
    for (const row of rows) {
      const margin = row.reduce((sum, value, i) => sum + value * weights[i], 0);
      const wrong = 1 / (1 + Math.exp(margin)); // the probability of the other thumb
      row.forEach((value, i) => (d[i] -= wrong * value));
    }
    d.forEach((value, i) => (weights[i] -= rate * value));
  }
  return weights;
}

/** The reward of a story, in log-odds over the mean story. */
export function reward(one, weights, { mean, spread }) {
  return one.reduce((sum, value, i) => sum + (weights[i] * (value - mean[i])) / spread[i], 0);
}

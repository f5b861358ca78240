// The samplers of grooves/inference/sampling.py once more, and how far a distribution is from another.
//
// Key idea: a sampler changes the model's distribution and then draws from it. The changed
// distribution is known exactly, so its distance to the language is computed, not estimated. Chapter 08.

import { best, softmax } from "../shared/softmax.mjs";

const ROUNDING = 1e-6; // of a sum of probabilities, as in Python
export const NEUTRAL = { temperature: 1, top_k: null, top_p: 1, min_p: 0, epsilon: 0 };

/** The distribution from which a sampler draws, and which step cut each word.
 *
 * scores: (V,) logits, -Infinity for a word that cannot be drawn anyway. settings: as `NEUTRAL`;
 * the steps apply in its order, each to the renormalised result of the one before.
 * Returns: { q: (V,), cut: the name of a step by word's index }.
 */
export function sampled(scores, settings) {
  const { temperature, top_k: k, top_p: nucleus, min_p: ratio, epsilon } = { ...NEUTRAL, ...settings };
  const logits = Float64Array.from(scores);
  const cut = new Map();
  const keep = (name, kept) => {
    logits.forEach((logit, i) => {
      if (logit === -Infinity || kept(i)) return;
      logits[i] = -Infinity;
      cut.set(i, name);
    });
  };
  if (temperature === 0) {
    const likeliest = best(logits);
    keep("temperature 0", (i) => i === likeliest);
  } else if (temperature !== 1) logits.forEach((logit, i) => (logits[i] = logit / temperature));
  if (k !== null) keep("top-k", likeliest(logits, k));
  if (nucleus < 1) {
    let before = 0; // of all likelier words together
    let n = 0;
    for (const p of softmax(logits).sort().reverse()) {
      if (before < nucleus - ROUNDING) n++;
      before += p;
    }
    keep("top-p", likeliest(logits, n));
  }
  const floor = (name, lowest, p = softmax(logits)) => {
    const top = best(p);
    keep(name, (i) => p[i] >= lowest(p[top]) || p[i] === p[top]);
  };
  if (ratio > 0) floor("min-p", (highest) => ratio * highest);
  if (epsilon > 0) floor("epsilon", () => epsilon);
  return { q: softmax(logits), cut };
}

/** A test for the n highest logits, of equal ones the first. */
function likeliest(logits, n) {
  const order = [...logits.keys()].sort((i, j) => logits[j] - logits[i] || i - j);
  const kept = new Set(order.slice(0, Math.max(1, n)));
  return (i) => kept.has(i);
}

/** Entropy in nats. */
export function entropy(p) {
  let nats = 0;
  for (const one of p) if (one > 0) nats -= one * Math.log(one);
  return nats;
}

/** The distances between the language's distribution p and a sampler's q of one word, (V,) each.
 *
 * Returns: { forward: KL(p || q), backward: KL(q || p), both in nats and possibly infinite;
 * jensenShannon, in nats; missing, impossible: words' indices with p > 0 = q and q > 0 = p, the
 * likeliest first; missingMass, impossibleMass: their probability in p and in q }.
 */
export function distances(p, q) {
  let [forward, backward, jensenShannon, missingMass, impossibleMass] = [0, 0, 0, 0, 0];
  const [missing, impossible] = [[], []];
  const term = (a, b) => (a === 0 ? 0 : b === 0 ? Infinity : a * Math.log(a / b));
  p.forEach((a, i) => {
    const b = q[i];
    const middle = (a + b) / 2;
    forward += term(a, b);
    backward += term(b, a);
    jensenShannon += (term(a, middle) + term(b, middle)) / 2;
    if (a > 0 && b === 0) {
      missing.push(i);
      missingMass += a;
    } else if (b > 0 && a === 0) {
      impossible.push(i);
      impossibleMass += b;
    }
  });
  missing.sort((i, j) => p[j] - p[i]);
  impossible.sort((i, j) => q[j] - q[i]);
  return { forward, backward, jensenShannon, missing, impossible, missingMass, impossibleMass };
}

// Scores as probabilities, and which is the highest: the softmax of grooves/models/layers.py once more.

/** Positive shares that add up to 1, one a score (Float64Array); temperature 0 gives all to the highest.
 * The highest score is taken off first, so nothing overflows.
 */
export function softmax(scores, temperature = 1) {
  const p = new Float64Array(scores.length);
  const top = best(scores);
  if (temperature === 0) {
    p[top] = 1;
    return p;
  }
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += p[i] = Math.exp((scores[i] - scores[top]) / temperature);
  for (let i = 0; i < p.length; i++) p[i] /= sum;
  return p;
}

/** The place of the largest number. */
export function best(values) {
  let place = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[place]) place = i;
  return place;
}

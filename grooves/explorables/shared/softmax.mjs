// Scores as probabilities, and which is the highest: the same softmax as in grooves/models/layers.py.

/** Probabilities, one per score (Float64Array); temperature 0 gives 1 to the highest score.
 * The highest score is subtracted first, so nothing overflows.
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

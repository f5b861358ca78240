// The objectives of grooves/training/objectives.py for the page: what to predict, made from the data.
//
// Key idea: hide a part of the data, or change it in a way that you know, and ask for what was
// hidden or done. Pieces may be words or numbers; nothing here looks into them. Chapter 03.

/** The pieces without the last, and without the first; no pair where there are fewer than two. */
export function nextWord(pieces) {
  return { inputs: pieces.slice(0, -1), targets: pieces.slice(1) };
}

/** Which of n places are hidden, each with a chance of `share`; where chance hides none, one is.
 * A larger share with the same random numbers hides the same places and more.
 */
export function choosePlaces(n, share, random) {
  const hidden = Array.from({ length: n }, () => random() < share);
  if (n && !hidden.includes(true)) hidden[Math.floor(random() * n)] = true;
  return hidden;
}

/** Hidden pieces give way to the mask and are asked for; all other targets are `ignored`. */
export function maskedWord(pieces, hidden, mask, ignored = null) {
  return {
    inputs: pieces.map((piece, i) => (hidden[i] ? mask : piece)),
    targets: pieces.map((piece, i) => (hidden[i] ? piece : ignored)),
  };
}

/** In how many places the answer is what stands there already: copying gets them right. */
export function copied({ inputs, targets }) {
  return targets.filter((target, i) => target === inputs[i]).length;
}

/** As choosePlaces, and one place is left at least: which pieces are dropped for a view of a text. */
export function chooseDropped(n, share, random) {
  const dropped = choosePlaces(n, share, random);
  if (!dropped.includes(false)) dropped[0] = false;
  return dropped;
}

/** Cosine of the counts of pieces in two texts: 1 for the same pieces, 0 where none is shared. */
export function cosine(a, b) {
  const counts = (pieces) => {
    const table = new Map();
    for (const piece of pieces) table.set(piece, (table.get(piece) ?? 0) + 1);
    return table;
  };
  const [first, second] = [counts(a), counts(b)];
  const dot = (one, other) => [...one].reduce((sum, [piece, n]) => sum + n * (other.get(piece) ?? 0), 0);
  const lengths = Math.sqrt(dot(first, first) * dot(second, second));
  return lengths ? dot(first, second) / lengths : 0;
}

/** NT-Xent (Chen et al. 2020, eq. 1): each view's loss, in nats, in the choice of its partner.
 * similarities: rows of cosines between 2 B views; partner[i]: the index of the view that i must find.
 */
export function contrastiveLosses(similarities, partner, temperature) {
  return similarities.map((row, i) => {
    const scores = row.map((cosine) => cosine / temperature);
    const others = scores.filter((_, j) => j !== i); // nobody is asked to find itself
    const largest = Math.max(...others);
    const total = others.reduce((sum, score) => sum + Math.exp(score - largest), 0);
    return largest + Math.log(total) - scores[partner[i]];
  });
}

/** Indices of the rows of probabilities that are sure enough, and their best answers. */
export function pseudoLabels(probabilities, threshold) {
  const largest = probabilities.map((row) => Math.max(...row));
  const indices = [...largest.keys()].filter((i) => largest[i] >= threshold);
  return { indices, labels: indices.map((i) => probabilities[i].indexOf(largest[i])) };
}

// A classifier small enough to learn in the page, at every label that the reader gives.
//
// Key idea: count how often each word occurs in the texts of each label; a text gets the label under
// which its words are likeliest, as if they were independent of each other. Chapter 03.

import { softmax } from "../shared/softmax.mjs";

export class NaiveBayes {
  /** texts: lists of pieces. labels: one a text, numbers from 0 to n - 1, each at least once.
   * Each word counts once more than it was seen with a label, so that nothing is impossible.
   */
  constructor(texts, labels, n) {
    const known = new Set(texts.flat());
    this.counts = Array.from({ length: n }, () => new Map([...known].map((piece) => [piece, 1])));
    for (const [i, text] of texts.entries()) {
      const counts = this.counts[labels[i]];
      for (const piece of text) counts.set(piece, counts.get(piece) + 1);
    }
    this.totals = this.counts.map((counts) => [...counts.values()].reduce((a, b) => a + b, 0));
    this.priors = this.counts.map((_, label) => labels.filter((one) => one === label).length / labels.length);
    this.known = known;
  }

  /** The probability of each label for a text; words that no labelled text had say nothing. */
  probabilities(text) {
    const logs = this.priors.map((prior, label) => {
      const seen = text.filter((piece) => this.known.has(piece));
      return seen.reduce((sum, piece) => sum + Math.log(this.counts[label].get(piece) / this.totals[label]), Math.log(prior));
    });
    return [...softmax(logs)];
  }
}

// Beam search, one step at a time: `beam_search` of grooves/inference/search.py once more.
//
// Key idea: of all continuations of the live hypotheses, the most probable stay. Those that end are
// set aside and compete by their score, so finished and unfinished ones are compared fairly. Chapter 08.

import { START } from "./readers.mjs";

const DECIMALS = 1e9; // rounding errors must not decide between equals
const rounded = (value) => Math.round(value * DECIMALS) / DECIMALS;

/** Log-probabilities (V,) of logits; -Infinity stays. */
function logSoftmax(scores) {
  const top = Math.max(...scores);
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - top);
  const norm = top + Math.log(sum);
  return Float64Array.from(scores, (score) => rounded(score - norm));
}

/** A hypothesis is { tokens (without the end mark), logP, parent: its row one step before }. */
export class Beam {
  /** text: one that has read nothing but the start mark. exponent: finished hypotheses are ranked
   * by logP / length ** exponent, the end mark counted. */
  constructor(text, { width, exponent = 0 }) {
    Object.assign(this, { width, exponent, room: text.room });
    this.live = [{ tokens: [], logP: 0, parent: null, text }];
    this.finished = []; // the best, at most `width`, each with the step at which it ended
    this.steps = [this.live]; // live hypotheses after each step, best first
    this.read = 0; // words predicted
    this.over = ""; // why the search stopped: "settled", "none" or "room"
  }

  score({ tokens, logP }, ended = true) {
    return logP / Math.max(1, tokens.length + ended) ** this.exponent;
  }

  /** The best hypotheses found: finished ones, or live ones where nothing finished. */
  get found() {
    return this.finished.length ? this.finished : this.live;
  }

  step() {
    if (this.over) return;
    const table = this.live.map((hypothesis) => {
      this.#readLast(hypothesis);
      return logSoftmax(hypothesis.text.scores);
    });
    this.steps.at(-2)?.forEach((hypothesis) => (hypothesis.text = null)); // all were copied
    this.read += this.live.length;
    const next = [];
    this.live.forEach(({ logP }, row) => {
      table[row].forEach((p, token) => {
        if (p > -Infinity) next.push({ row, token, logP: rounded(logP + p) });
      });
    });
    // Sorting is stable: of equals, the first row and the first word come first.
    next.sort((a, b) => b.logP - a.logP);
    const [ended, grown] = [[], []];
    for (const { row, token, logP } of next.slice(0, 2 * this.width)) {
      const { tokens } = this.live[row];
      if (token === START) ended.push({ tokens, logP, parent: row, step: this.steps.length });
      else if (grown.length < this.width) grown.push({ tokens: [...tokens, token], logP, parent: row, before: this.live[row] });
    }
    const score = (one) => this.score(one);
    this.finished = [...this.finished, ...ended].sort((a, b) => score(b) - score(a)).slice(0, this.width);
    this.live = grown;
    this.steps.push(grown);
    this.over = this.#end();
  }

  /** Read a hypothesis' last word, with a copy of what was read before it. */
  #readLast(hypothesis) {
    if (hypothesis.text) return;
    hypothesis.text = hypothesis.before.text.fork();
    hypothesis.text.read(hypothesis.tokens.at(-1));
    hypothesis.before = null;
  }

  #end() {
    if (!this.live.length) return "none";
    if (this.finished.length === this.width) {
      // A log-probability only falls, and division by the largest possible length raises it most.
      const hope = Math.max(...this.live.map(({ logP }) => logP)) / this.room ** this.exponent;
      if (hope <= this.score(this.finished.at(-1))) return "settled";
    }
    return this.steps.length > this.room ? "room" : "";
  }
}

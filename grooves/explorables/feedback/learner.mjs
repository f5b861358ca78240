// The model that lives in the page: it tells stories, reads thumbs, and changes its output layer.
// Chapter 10.
//
// Key idea: all of it is a chain of generators, which the page runs in slices, so that it never
// freezes, and can stop.

import { uniform } from "../shared/random.mjs";
import { toWords } from "../shared/oracle.mjs";
import { features, learned, reward, scaleOf } from "./judge.mjs";
import { effective, fit, LowRank, STEPS, weights } from "./update.mjs";
import { read, report, simulatedThumbs, tell } from "./telling.mjs";

const [POOL_SEED, TOLD_SEED] = [1_000_000, 2_000_000]; // so that no story is told twice

export class Learner {
  constructor(transformer, oracle, sizes) {
    Object.assign(this, { transformer, oracle, sizes }); // sizes: { pool, told }
    this.pool = [];
    this.read = new Map(); // features of stories that had a thumb, by text
    this.reset();
  }

  reset() {
    const { n_embd: channels, vocabulary_size: words } = this.transformer.config;
    this.update = new LowRank(channels, words);
  }

  tell(seed) {
    return tell(this.transformer, this.oracle, this.update, seed);
  }

  /** The published model's stories, from which every update is learned, and their report. */
  *telling() {
    const { config } = this.transformer;
    const plain = new LowRank(config.n_embd, config.vocabulary_size);
    while (this.pool.length < this.sizes.pool) {
      this.pool.push(tell(this.transformer, this.oracle, plain, POOL_SEED + this.pool.length, true));
      yield { what: "pool", done: this.pool.length, of: this.sizes.pool };
    }
    this.before ??= report(this.pool);
    this.table ??= this.pool.map(features);
    this.scale ??= scaleOf(this.table);
  }

  /** Thumbs of a simulated reader: [{ chosen, rejected }], lists of words. */
  *thumbs(taste, n, seed) {
    yield* this.telling();
    const words = (place) => this.pool[place].words;
    return simulatedThumbs(this.pool, taste, n, uniform(seed)).map(([chosen, rejected]) => ({ chosen: words(chosen), rejected: words(rejected) }));
  }

  /** Learn from thumbs (pairs of texts) and measure. Returns what was found. */
  *learning(thumbs, beta) {
    yield* this.telling();
    const pairs = thumbs.map(({ chosen, rejected }) => [this.#features(chosen), this.#features(rejected)]);
    const judge = learned(pairs, this.scale);
    const rewards = this.table.map((one) => reward(one, judge, this.scale));
    const found = weights(rewards, beta);
    const update = new LowRank(this.update.nChannels, this.update.nWords);
    for (const { step } of fit(update, this.pool, found)) yield { what: "fit", done: step, of: STEPS };
    this.update = update;
    const told = [];
    while (told.length < this.sizes.told) {
      told.push(this.tell(TOLD_SEED + told.length));
      yield { what: "told", done: told.length, of: this.sizes.told };
    }
    return { ...report(told), thumbs: thumbs.length, beta, effective: effective(found), size: update.size };
  }

  #features(text) {
    if (!this.read.has(text)) this.read.set(text, features(read(this.transformer, this.oracle, toWords(text))));
    return this.read.get(text);
  }
}

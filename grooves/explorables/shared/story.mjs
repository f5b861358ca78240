// A story that is being told: what the model makes of it, and what the language says, word by word.
//
// Key idea: both read the same words, so at every place the model's probabilities stand beside the
// exact ones. A place is a number of words read: 0 before the first word. Chapter 04.

import { draw, randomNumber } from "./model.mjs";
import { toText } from "./oracle.mjs";
import { softmax } from "./softmax.mjs";

const START = 0; // the token of the end mark, which also stands before every story
const FAR = 5; // words back, from where on a look counts as far

export class Story {
  constructor(model, oracle) {
    const [has, needs] = [model.config.vocabulary_size, oracle.vocabulary.length];
    if (has !== needs) throw new Error(`the model knows ${has} words, the language has ${needs}`);
    this.oracle = oracle;
    this.reading = model.read();
    this.longest = model.config.context - 1; // words; the start mark takes one place
    this.words = [];
    this.promptLength = 0; // the words before this one are the reader's, not the model's
    this.ended = false;
    this.states = [oracle.begin()]; // before each word; they end where the language does
    this.reading.push(START);
  }

  get text() {
    return toText(this.words);
  }

  /** Whether nothing can be added. */
  get finished() {
    return this.ended || this.words.length >= this.longest;
  }

  /** The first word that no story of the language has there, or null. */
  get impossible() {
    const first = this.states.length - 1;
    return first < this.words.length ? first : null;
  }

  /** Start anew with these words; what they share with the old ones is not read again. */
  begin(words) {
    let same = 0;
    while (same < words.length && words[same] === this.words[same]) same++;
    this.cut(same);
    for (const word of words.slice(same)) this.add(word);
    this.promptLength = words.length;
  }

  /** Forget all but the first n words. */
  cut(n) {
    this.words.length = Math.min(n, this.words.length);
    this.states.length = Math.min(n + 1, this.states.length);
    this.promptLength = Math.min(n, this.promptLength);
    this.reading.cut(n + 1);
    this.ended = false;
  }

  /** One more word, or the end mark. Throws for a word that the model does not know. */
  add(word) {
    if (word === this.oracle.end) {
      this.ended = true;
      return;
    }
    this.reading.push(this.oracle.index.get(word));
    this.words.push(word);
    if (this.states.length === this.words.length) {
      const after = this.oracle.read(this.states.at(-1), word);
      if (after.length) this.states.push(after);
    }
  }

  /** Let the model draw one more word; returns it. */
  next(temperature, seed) {
    const place = this.words.length;
    const chosen = draw(this.expects(place, temperature), randomNumber(seed, place));
    const word = this.oracle.vocabulary[chosen];
    this.add(word);
    return word;
  }

  /** The model's probabilities of the word after a place, (V,). */
  expects(place, temperature = 1) {
    return softmax(this.reading.places[place].scores, temperature);
  }

  /** The language's, (V,); null where the text has left the language. */
  exact(place) {
    const states = this.states[place];
    return states ? this.oracle.vector(this.oracle.nextWords(states)) : null;
  }

  /** The words that can follow a place in the language, likeliest first, without the end mark. */
  possible(place) {
    if (!this.states[place]) return [];
    const table = [...this.oracle.nextWords(this.states[place])];
    table.sort(([, p], [, q]) => q - p);
    return table.map(([word]) => word).filter((word) => word !== this.oracle.end);
  }

  /** What the word before a place looks at, in a head: (place + 1,), the start mark first. */
  looks(place, layer, head) {
    return this.reading.places[place].attention[layer][head];
  }

  /** How many words back a head looks on average over the text, the start mark left aside. */
  distance(layer, head) {
    let [sum, total] = [0, 0];
    for (let place = 1; place <= this.words.length; place++) {
      const looks = this.looks(place, layer, head);
      for (let s = 1; s <= place; s++) {
        sum += looks[s] * (place - s);
        total += looks[s];
      }
    }
    return total ? sum / total : 0;
  }

  /** The head that looks hardest at words far back from the last one: { layer, head }. */
  farthest() {
    const last = this.words.length;
    let [best, most] = [{ layer: 0, head: 0 }, 0];
    this.reading.places[last].attention.forEach((heads, layer) => {
      heads.forEach((looks, head) => {
        const highest = Math.max(0, ...looks.slice(1, Math.max(1, last - FAR)));
        if (highest > most) [best, most] = [{ layer, head }, highest];
      });
    });
    return best;
  }

  /** The word that came after a place, null where nothing has yet. */
  came(place) {
    if (place < this.words.length) return this.words[place];
    return this.ended ? this.oracle.end : null;
  }
}

/** Nats by which q is worse than p at one place, Σ p ln(p / q); and the entropy of p. */
export function divergence(p, q) {
  let [gap, entropy] = [0, 0];
  p.forEach((share, i) => {
    if (share === 0) return;
    gap += share * Math.log(share / q[i]);
    entropy -= share * Math.log(share);
  });
  return { gap, entropy };
}

// What predicts the next word: the trained model, or the language itself as a perfect model.
//
// Key idea: both are read in the same way, so that every sampler and every search can also be tried
// on a perfect model, where whatever goes wrong is the method's fault. Chapter 08.
//
// A text has `scores` (V,), the logits of the next word; `read(token)` takes one more word;
// `fork()` gives the same text once more. `room`: how many words it may have, the end mark counted.

export const START = 0; // token of the end mark, which also stands before every story

/** A text that the model reads, with its KV cache. */
export class ModelText {
  constructor(reading) {
    this.reading = reading;
    this.room = reading.model.config.context;
  }

  static begin(model) {
    const reading = model.read();
    reading.push(START);
    return new ModelText(reading);
  }

  get scores() {
    return this.reading.places.at(-1).scores;
  }

  read(token) {
    this.reading.push(token);
  }

  fork() {
    return new ModelText(this.reading.fork());
  }
}

/** A text that the language reads: its exact log-probabilities serve as logits. */
export class LanguageText {
  constructor(oracle, states, room) {
    Object.assign(this, { oracle, states, room });
  }

  static begin(oracle, room) {
    return new LanguageText(oracle, oracle.begin(), room);
  }

  get scores() {
    return this.oracle.vector(this.oracle.nextWords(this.states)).map(Math.log);
  }

  read(token) {
    this.states = this.oracle.read(this.states, this.oracle.vocabulary[token]);
  }

  fork() {
    return new LanguageText(this.oracle, this.states, this.room);
  }
}

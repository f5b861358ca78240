// The explorable `sampling`: how the next word is chosen, how far that is from the language, and what
// a search finds instead. Chapter 08.
//
// Key idea: the model and the language's grammar both run in the page, so every distribution can be
// compared with the exact one, and every story that is told here can be judged.
// State: weights, grammar, places, prefix, source, temperature, top_k, top_p, min_p, epsilon, seed,
// width, length_exponent; set by the page: distances, runs, found.

import { restored } from "../shared/checkpoint.mjs";
import { element } from "../shared/dom.mjs";
import { explorable, Part, react } from "../shared/explorable.mjs";
import { Transformer } from "../shared/model.mjs";
import { Oracle } from "../shared/oracle.mjs";
import { Tabs } from "../shared/tabs.mjs";
import { BeamPart } from "./beam_part.mjs";
import { NAMES } from "./settings.mjs";
import { StoriesPart } from "./stories_part.mjs";
import { WordPart } from "./word_part.mjs";

class Sampling extends Part {
  constructor(model) {
    super(model);
    this.word = new WordPart(model);
    this.stories = new StoriesPart(model);
    this.beam = new BeamPart(model);
    this.parts = [this.word, this.stories, this.beam];
    const tabs = new Tabs("One word, stories, beam search", [
      ["1. One word", this.word.el],
      ["2. Stories", this.stories.el],
      ["3. Beam search", this.beam.el],
    ]);
    this.el = element("section", { className: "gx gs", "aria-label": "Sampling and search, compared with the exact language" }, ...tabs.elements);
  }

  #load() {
    const transformer = new Transformer(restored(this.get("weights")));
    const oracle = new Oracle(this.get("grammar"));
    for (const part of this.parts) part.load(transformer, oracle);
  }

  follow(signal) {
    const draw = () => this.parts.slice(0, 2).forEach((part) => part.draw());
    const reactions = [
      ...["weights", "grammar"].map((name) => [`change:${name}`, () => this.#load()]),
      ...[...NAMES, "prefix", "seed", "runs"].map((name) => [`change:${name}`, draw]),
      ...["source", "width", "length_exponent"].map((name) => [`change:${name}`, () => this.beam.changed()]),
    ];
    react(this.model, reactions, signal);
    signal.addEventListener("abort", () => {
      this.stories.stop();
      this.beam.stop();
    });
    this.#load();
  }
}

export default explorable((model) => new Sampling(model));

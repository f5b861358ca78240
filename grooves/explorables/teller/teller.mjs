// The explorable `teller`: the trained model tells a story, and the language judges it.
//
// Key idea: nothing was recorded. The model runs here, each word is drawn from its probabilities,
// and the grammar that wrote its training stories says whether the new story obeys the rules.
// State: weights, grammar, seed, text. Used on the welcome page.

import { restored, size } from "../shared/checkpoint.mjs";
import { button } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { explorable, Part, react } from "../shared/explorable.mjs";
import { Transformer } from "../shared/model.mjs";
import { Oracle, spaces } from "../shared/oracle.mjs";
import { Story } from "../shared/story.mjs";
import { fault, tally, verdict } from "./sentences.mjs";

const WORD_MS = 80; // between two words

class Teller extends Part {
  #timer = 0;
  #shown = 0; // words of the story that can be seen
  #judged = new Map(); // seed: whether its story was true to the language

  constructor(model) {
    super(model);
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.title = element("p", { className: "gx-title" });
    this.words = element("p", { className: "gw-story" });
    this.verdict = element("p", { className: "gw-verdict" });
    this.tally = element("p", { className: "gx-note" });
    this.button = button("Tell another", () => this.#press());
    this.news = element("p", { className: "gx-news", role: "status" });
    this.el = element(
      "section",
      { className: "gx gw", "aria-label": "A trained model tells a story" },
      element("div", { className: "gw-head" }, this.title, this.button),
      this.words,
      element("div", { className: "gw-said" }, this.verdict, this.tally),
      this.news,
    );
  }

  follow(signal) {
    react(
      this.model,
      [
        ["change:weights", () => this.#load()],
        ["change:grammar", () => this.#load()],
        ["change:seed", () => this.#tell()],
      ],
      signal,
    );
    signal.addEventListener("abort", () => clearInterval(this.#timer));
    this.#load();
  }

  #load() {
    const checkpoint = restored(this.get("weights"));
    this.transformer = new Transformer(checkpoint);
    this.oracle = new Oracle(this.get("grammar"));
    this.#judged.clear();
    this.title.textContent = `A model with ${size(checkpoint).toLocaleString("en")} weights is writing this in your browser:`;
    this.#tell();
  }

  /** Another story, or all of this one at once while it is being told. */
  #press() {
    if (this.#shown < this.story.words.length) this.#show(this.story.words.length);
    else this.save({ seed: this.get("seed") + 1 });
  }

  #tell() {
    this.story = new Story(this.transformer, this.oracle);
    while (!this.story.finished) this.story.next(1, this.get("seed"));
    const before = spaces(this.story.words);
    const wrong = fault(this.story);
    // All words have their places from the start, so that nothing moves while they appear.
    this.words.replaceChildren(
      ...this.story.words.flatMap((word, i) => {
        const className = i === wrong ? "gw-word gw-wrong" : "gw-word";
        const made = element("span", { className }, word);
        return before[i] ? [" ", made] : [made];
      }),
    );
    this.#show(this.still.matches ? this.story.words.length : 0);
  }

  /** Show the first n words, and the others one by one. */
  #show(n) {
    clearInterval(this.#timer);
    const all = this.story.words.length;
    this.#shown = n;
    const words = [...this.words.children];
    words.forEach((word, i) => word.classList.toggle("gw-hidden", i >= n));
    if (n < all) {
      this.#timer = setInterval(() => {
        words[this.#shown].classList.remove("gw-hidden");
        this.#shown += 1;
        if (this.#shown === all) this.#end();
      }, WORD_MS);
      this.button.textContent = "Show it all";
      // Kept in their places, so that nothing moves when they can be read.
      this.verdict.textContent = verdict(this.story);
      this.tally.textContent = tally(this.#judged, this.get("seed"), this.story);
      this.el.classList.add("gw-telling");
      this.news.textContent = "";
    } else this.#end();
  }

  #end() {
    clearInterval(this.#timer);
    this.el.classList.remove("gw-telling");
    this.#judged.set(this.get("seed"), fault(this.story) === null);
    this.verdict.textContent = verdict(this.story);
    this.verdict.classList.toggle("gw-true", fault(this.story) === null);
    this.tally.textContent = tally(this.#judged, this.get("seed"), this.story);
    this.button.textContent = "Tell another";
    this.news.textContent = `A story of ${this.story.words.length} words. ${this.verdict.textContent}`;
    this.save({ text: this.story.text });
  }
}

export default explorable((model) => new Teller(model));

// The explorable `attention`: a story model continues a story and shows its attention weights. Chapter 04.
//
// Key idea: one module, used twice. On a static page the trained weights come with the page; in
// JupyterLab they come from the student's own model, and choices made here are available in the kernel.
// State: weights (a checkpoint's bytes), grammar, prompt, temperature, seed, layer, head, text.

import { button } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { explorable, Part, react } from "../shared/explorable.mjs";
import { Transformer } from "../shared/model.mjs";
import { NextView, NumbersView } from "./numbers.mjs";
import { Oracle, toText, toWords } from "../shared/oracle.mjs";
import { advice, judgement, looking } from "../shared/story_sentences.mjs";
import { Story } from "../shared/story.mjs";
import { HeadsView, WordsView } from "./views.mjs";

const MS_PER_WORD = 60;

class Attention extends Part {
  #id = `gx-${Math.random().toString(36).slice(2, 8)}`;
  #timer = null;
  #place = 0; // the chosen place: the number of words read there
  #problem = false; // whether the text field holds what the model cannot read

  constructor(model) {
    super(model);
    this.#build();
    this.#load();
  }

  // ---- what is on the page ---------------------------------------------------------------------

  #build() {
    this.input = element("textarea", { rows: 2, spellcheck: false, autocomplete: "off" });
    this.input.setAttribute("aria-describedby", `${this.#id}-message`);
    this.message = element("div", { id: `${this.#id}-message`, className: "gx-message", role: "status" });
    this.chips = element("div", { className: "gx-chips", role: "group", "aria-label": "Words that fit" });
    this.nextButton = button("Next word", () => this.#next());
    this.finishButton = button("Finish the story", () => (this.#timer ? this.#stop() : this.#finish()));
    this.seedButton = button("New seed", () => this.#newSeed());
    this.slider = element("input", { type: "range", min: 0, max: 2, step: 0.1 });
    this.degrees = element("output");
    this.caption = element("p", { id: `${this.#id}-caption`, className: "gx-caption" });
    this.news = element("p", { className: "gx-news", role: "status" }); // for screen readers
    this.verdict = element("p", { className: "gx-verdict" });
    this.words = new WordsView((place) => this.#choose(place), `${this.#id}-caption`);
    this.heads = new HeadsView((layer, head) => this.save({ layer, head }));
    this.nextWords = new NextView((word, place) => this.#branch(word, place));
    this.numbers = new NumbersView();
    this.el = element(
      "section",
      { className: "gx", "aria-label": "A story model and its attention weights" },
      element("label", { className: "gx-field" }, "Start of a story", this.input),
      this.message,
      this.chips,
      element(
        "div",
        { className: "gx-controls" },
        this.nextButton,
        this.finishButton,
        this.seedButton,
        element("label", { className: "gx-slider" }, "Temperature", this.slider, this.degrees),
      ),
      this.words.el,
      this.caption,
      this.verdict,
      this.news,
      element(
        "div",
        { className: "gx-panels" },
        element(
          "div",
          {},
          element("p", { className: "gx-title" }, "Attention weights of each head"),
          this.heads.el,
          element("p", { className: "gx-note" }, "Each row shows which words one word attends to."),
        ),
        this.nextWords.el,
      ),
      this.numbers.el,
    );
    this.input.addEventListener("input", () => this.save({ prompt: this.input.value }));
    this.input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.#next();
    });
    this.slider.addEventListener("input", () => this.save({ temperature: this.slider.valueAsNumber }));
  }

  // ---- what is known elsewhere -----------------------------------------------------------------

  /** Follow the model's state until `signal` says that the page no longer needs this. */
  follow(signal) {
    const reactions = {
      "change:weights": () => this.#load(),
      "change:grammar": () => this.#load(),
      "change:prompt": () => this.#restart(),
      "change:seed": () => this.#restart(),
      "change:temperature": () => this.#draw(),
      "change:layer": () => this.#draw(),
      "change:head": () => this.#draw(),
    };
    react(this.model, Object.entries(reactions), signal);
    const sizes = new ResizeObserver(() => this.words.layout());
    sizes.observe(this.words.el);
    signal.addEventListener("abort", () => {
      sizes.disconnect();
      this.#stop();
    });
  }

  // ---- the story -------------------------------------------------------------------------------

  #load() {
    this.#stop();
    const before = this.story;
    const place = this.#place;
    this.transformer = new Transformer(this.get("weights"));
    this.oracle = new Oracle(this.get("grammar"));
    this.story = new Story(this.transformer, this.oracle);
    const { n_layer: layers, n_head: heads } = this.transformer.config;
    this.heads.build(layers, heads);
    this.shown = null; // the heads are to be painted anew
    this.#restart();
    if (before) {
      // Another model: the same story, so that the two can be compared.
      for (const word of before.words.slice(this.story.words.length)) this.story.add(word);
      if (before.ended) this.story.add(this.oracle.end);
      this.#place = Math.min(place, this.story.words.length);
    }
    if (this.get("layer") === null || this.get("head") === null) this.save(this.story.farthest());
    this.#draw();
  }

  /** Read the prompt again and discard the story after it. */
  #restart() {
    this.#stop();
    const prompt = this.get("prompt");
    if (this.input.value !== prompt) this.input.value = prompt;
    const words = toWords(prompt);
    const unknown = words.findIndex((word) => !this.oracle.index.has(word));
    const readable = unknown >= 0 ? words.slice(0, unknown) : words;
    this.story.begin(readable.slice(0, this.story.longest));
    this.#place = this.story.words.length;
    this.#advise(words);
    this.#draw();
  }

  #next() {
    if (this.#blocked()) return;
    const word = this.#tell();
    const last = word === this.oracle.end ? "The end." : `Next word: ${word}`;
    this.news.textContent = `${last} ${judgement(this.story)}`.trim();
    this.#draw();
  }

  #finish() {
    if (this.#blocked()) return;
    const from = this.story.words.length;
    const finished = () => {
      this.#stop();
      this.news.textContent = `${toText(this.story.words.slice(from))} ${judgement(this.story)}`;
      this.#draw();
    };
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      while (!this.story.finished) this.#tell();
      finished();
      return;
    }
    this.#timer = setInterval(() => {
      this.#tell();
      if (this.story.finished) finished();
      else this.#draw();
    }, MS_PER_WORD);
    this.#draw();
  }

  /** One more word of the model, which is then the chosen one. */
  #tell() {
    const word = this.story.next(this.get("temperature"), this.get("seed"));
    this.#place = this.story.words.length;
    return word;
  }

  #stop() {
    if (!this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = null;
    this.#draw();
  }

  #newSeed() {
    this.save({ seed: this.get("seed") + 1 });
    this.news.textContent = `Seed ${this.get("seed")}: the same start, another story.`;
  }

  /** The reader's word at a place, in place of what came there. */
  #branch(word, place) {
    this.#stop();
    if (place < this.story.promptLength) this.save({ prompt: toText(this.story.words.slice(0, place)) });
    this.story.cut(place);
    this.story.add(word);
    this.#place = this.story.words.length;
    this.news.textContent = word === this.oracle.end ? "The end." : `Added: ${word}`;
    this.#draw();
  }

  #blocked() {
    if (this.#problem) this.input.focus();
    return this.#problem || this.story.finished;
  }

  #choose(place) {
    this.#stop();
    this.#place = place;
    this.#draw();
  }

  // ---- drawing ---------------------------------------------------------------------------------

  /** What is wrong with the prompt, and words that correct it. */
  #advise(words) {
    const { text, wrong, at, instead } = advice(this.story, words, /[A-Za-z]$/.test(this.input.value));
    this.#problem = wrong;
    this.message.textContent = text;
    this.input.setAttribute("aria-invalid", String(wrong));
    this.chips.hidden = !instead.length;
    this.chips.replaceChildren(
      ...instead.map((word) => {
        const chip = element("button", { type: "button", className: "gx-chip" }, word);
        chip.addEventListener("click", () => {
          this.save({ prompt: toText([...words.slice(0, at), word, ...words.slice(at + 1)]) });
          this.input.focus();
        });
        return chip;
      }),
    );
  }

  #draw() {
    const { story } = this;
    const { n_layer: layers, n_head: heads } = this.transformer.config;
    const layer = Math.min(this.get("layer") ?? 0, layers - 1);
    const head = Math.min(this.get("head") ?? 0, heads - 1);
    const temperature = this.get("temperature");
    const state = { story, place: this.#place, temperature, layer, head, layers, heads };
    this.finishButton.textContent = this.#timer ? "Stop" : "Finish the story";
    for (const button of [this.nextButton, this.finishButton]) {
      button.ariaDisabled = String(this.#problem || story.finished);
    }
    this.seedButton.textContent = `New seed (${this.get("seed")})`;
    this.slider.value = temperature;
    this.degrees.textContent = temperature.toFixed(1);
    this.verdict.textContent = judgement(story);
    const changed = this.shown !== story.text;
    this.shown = story.text;
    this.words.draw({
      ...state,
      looks: (at) => story.looks(at, layer, head),
      describe: (at) => (this.caption.textContent = looking(story, at, layer, head)),
    });
    this.heads.draw(state, changed);
    this.nextWords.draw(state);
    this.numbers.draw(state);
    if (changed) this.save({ text: story.text });
  }
}

export default explorable((model) => new Attention(model));

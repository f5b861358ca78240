// The explorable `finetune`: what examples are worth to each method, and what each model then writes.
// Chapter 06.
//
// Key idea: the losses were recorded, but the models run here: the weights that each changed are
// fetched when a reader wants them and added to the base model, which continues the reader's story.
// State: recorded, old, new, own, n, way, prompt, seed, length, asks, guesses, told.

import { button, radios } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { explorable, Part, react } from "../shared/explorable.mjs";
import { TuningChart } from "./charts.mjs";
import { tunedModels } from "./models.mjs";
import { best, detail, kilobytes, nats, question, stories, verdict } from "./sentences.mjs";
import { TuningTable } from "./table.mjs";
import { Told } from "./told.mjs";
import { Oracle, toText, toWords } from "../shared/oracle.mjs";
import { Prediction, praise } from "../shared/prediction.mjs";
import { advice } from "../shared/story_sentences.mjs";
import { Story } from "../shared/story.mjs";
import { Tabs } from "../shared/tabs.mjs";

const NAMES = ["n", "way", "prompt", "seed", "length", "asks", "guesses", "own"];
const MORE = 30; // words that are added at once
const BEGINNINGS = [["", "nothing"], ["Listen, children.", "Listen, children."], ["Once upon a time", "Once upon a time"], ["This is the tale of Ruby, a sleepy turtle. She", "This is the tale of Ruby, …"]];

class FineTuning extends Part {
  #seen = new Set(); // the counts whose answer was shown
  #bytes = {}; // what was fetched, by name
  #wanted = new Set();
  #models = {}; // by count, then by way
  #failed = "";
  #typing = 0; // a timer: stories are told when the typing rests

  constructor(model) {
    super(model);
    const recorded = this.get("recorded");
    this.recorded = recorded;
    this.dialect = new Oracle(this.get("new"));
    this.first = new Oracle(this.get("old"));
    this.charts = [new TuningChart("new"), new TuningChart("lost")];
    this.told = new Told();
    this.table = new TuningTable();
    this.#build();
  }

  // ---- what is on the page ---------------------------------------------------------------------

  #build() {
    const { chosen, ways } = this.recorded;
    this.counts = radios("Training stories", chosen.map((n) => [`${n}`, n.toLocaleString("en")]), (n) => this.#choose({ n: Number(n) }));
    this.ways = radios("Method", ways.map(({ key, name }) => [key, name]), (way) => this.#choose({ way }));
    this.verdict = element("p", { className: "gc-verdict" });
    this.detail = element("p", { className: "gc-help" });
    const answer = element("div", { className: "gf-answer" }, this.verdict, this.detail);
    this.prediction = new Prediction(ways.map(({ key, name }) => [key, name]), (guess) => this.#guess(guess), (asks) => this.save({ asks }), answer);
    this.closed = element("p", { className: "gx-note" }, "The models continue a story here once the question of the first step is answered. “Show me” answers it, too.");
    this.news = element("p", { className: "gx-news", role: "status" });
    this.input = element("textarea", { rows: 1, spellcheck: false, autocomplete: "off" });
    this.input.addEventListener("input", () => this.#type());
    this.message = element("p", { className: "gx-message", role: "status" });
    this.chips = element("div", { className: "gx-chips", role: "group", "aria-label": "Words that fit" });
    const beginnings = BEGINNINGS.map(([prompt, name]) => this.#chip(name, () => this.save({ prompt })));
    this.loading = element("p", { className: "gx-message", role: "status" });
    this.more = button("More words", () => this.#tell({ length: this.get("length") + MORE }));
    this.again = button("Sample again", () => this.#tell({ seed: this.get("seed") + 1 }));
    this.stories = element(
      "div",
      { className: "gf-told", role: "group", "aria-label": "The same beginning, continued by each model" },
      element("label", { className: "gx-field" }, "Start of a story", this.input),
      element("div", { className: "gx-chips", role: "group", "aria-label": "Other beginnings" }, ...beginnings),
      this.message,
      this.chips,
      element("div", { className: "gf-scroll", role: "region", "aria-label": "The stories", tabIndex: 0 }, this.loading, this.told.el),
      element("div", { className: "gx-controls" }, this.more, this.again),
      element("p", { className: "gx-note" }, "The models run in this page. Each comes from the first recorded run, stored with 8 bits per weight, and all sample with the same random numbers. Nats are per word, above the dialect’s entropy. A wavy line marks the first word that is impossible in the dialect."),
    );
    const chart = (title, { el }) => element("div", {}, element("p", { className: "gx-title" }, title), el);
    const tabs = new Tabs("Losses, then stories", [
      [
        "1. Learned and forgotten",
        this.prediction.el,
        element("div", { className: "gf-charts" }, chart("Above the dialect’s entropy, nats per word", this.charts[0]), chart("Forgotten of the first language, nats per word", this.charts[1])),
        element("p", { className: "gx-note" }, `Points are means of ${this.recorded.ways[0].new[0].length} recorded runs, and bars reach from the best run to the worst. Training from scratch has no first language to forget.`),
        this.table.el,
      ],
      ["2. The stories they write", this.closed, this.stories],
    ]);
    this.el = element(
      "section",
      { className: "gx gf", "aria-label": "What examples are worth to each method of fine-tuning" },
      element("div", { className: "gf-top" }, this.#labelled("Training stories", this.counts.el), this.#labelled("Method", this.ways.el)),
      ...tabs.elements,
      this.news,
    );
  }

  #labelled(text, el) {
    return element("div", { className: "gf-choice" }, element("span", { "aria-hidden": "true" }, text), el);
  }

  #chip(name, action) {
    const chip = element("button", { type: "button", className: "gx-chip" }, name);
    chip.addEventListener("click", action);
    return chip;
  }

  // ---- what is known elsewhere -----------------------------------------------------------------

  /** Follow the model's state until `signal` says that the page has no use for this any more. */
  follow(signal) {
    const draw = () => this.#draw();
    const reactions = NAMES.map((name) => [`change:${name}`, draw]);
    react(this.model, [...reactions, ["msg:custom", (message, buffers) => this.#receive(message, buffers)]], signal);
    draw();
    signal.addEventListener("abort", () => {
      for (const chart of this.charts) chart.stop();
      clearTimeout(this.#typing);
    });
  }

  /** Ask for what is not here yet: the page's scripts or the kernel answer with a message. */
  #want(...names) {
    for (const want of names.filter((name) => !this.#wanted.has(name))) {
      this.#wanted.add(want);
      this.model.send({ want });
    }
  }

  #receive({ part, failed }, buffers) {
    if (!this.#wanted.has(part)) return;
    if (failed) {
      this.#failed = `The models could not be fetched: ${failed}.`;
      this.#wanted.delete(part); // the next choice tries again
    } else {
      this.#failed = "";
      this.#bytes[part] = buffers[0];
    }
    this.#draw();
  }

  /** The models that learned from so many stories, or null until they have been fetched. */
  #modelsOf(n) {
    const { base, [n]: tuned } = this.#bytes;
    if (base && tuned) this.#models[n] ??= tunedModels(base, tuned);
    return this.#models[n] ?? null;
  }

  // ---- what the reader does --------------------------------------------------------------------

  #choose(changes) {
    this.#failed = "";
    this.save(changes);
    if (!this.prediction.answer.hidden) this.news.textContent = this.detail.textContent;
  }

  /** guess: the key of a way, or null to be shown. */
  #guess(guess) {
    const n = this.#n();
    this.#seen.add(n);
    if (guess) this.save({ guesses: [...this.get("guesses"), { n, guess, best: best(this.recorded, n).key }] });
    this.#draw();
    this.prediction.say(guess ? praise(this.get("guesses"), "best") : "");
    this.news.textContent = `${this.verdict.textContent} ${this.detail.textContent}`;
    this.prediction.switch.focus({ preventScroll: true }); // the button that had the focus is gone
  }

  #type() {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.save({ prompt: this.input.value }), 150);
  }

  #tell(changes) {
    this.save(changes);
    const way = this.get("way");
    this.news.textContent = `${this.recorded.ways.find(({ key }) => key === way).name}: ${this.told.stories[way]?.text ?? ""}`;
  }

  #n() {
    const { chosen } = this.recorded;
    return chosen.includes(this.get("n")) ? this.get("n") : chosen[0];
  }

  // ---- what is shown ---------------------------------------------------------------------------

  #draw() {
    const { recorded } = this;
    const [n, key, asks, own] = [this.#n(), this.get("way"), this.get("asks"), this.get("own")];
    const way = recorded.ways.find((one) => one.key === key);
    const shown = recorded.chosen.filter((one) => !asks || this.#seen.has(one));
    const open = shown.includes(n);
    this.counts.set(`${n}`);
    this.ways.set(key);
    this.prediction.draw(open ? null : question(n), asks);
    this.stories.hidden = !open;
    this.closed.hidden = open;
    for (const chart of this.charts) chart.draw({ recorded, shown, n, way: key, own });
    this.table.draw(recorded, shown);
    this.verdict.textContent = verdict(recorded, n);
    this.detail.textContent = detail(recorded, way, n, own.find((one) => one.n === n && one.way === key));
    if (open) this.#drawStories(n, key, own);
  }

  #drawStories(n, way, own) {
    if (!this.#failed) this.#want("base", `${n}`);
    const models = this.#modelsOf(n);
    this.loading.textContent = this.#failed || (models ? "" : `Fetching the models of ${stories(n)} …`);
    this.told.el.hidden = !models;
    const prompt = this.get("prompt");
    if (this.input.value !== prompt && document.activeElement !== this.input) this.input.value = prompt;
    if (!models) return;
    const words = toWords(prompt);
    const read = this.#advise(models.base, words);
    const { ways, tuned, base_new: before } = this.recorded;
    const found = (models, key) => models.find((one) => one.n === n && one.way === key);
    const names = ways.map(({ key, name, bytes }) => {
      const [mine, theirs] = [found(own, key), found(tuned, key)];
      return [key, `${name}${mine ? ", yours" : ""}: ${nats((mine ?? theirs).new)} nats, ${kilobytes(bytes)}`];
    });
    const told = { models, names: { base: `the base model: ${nats(before)} nats`, ...Object.fromEntries(names) }, way, prompt: read, seed: this.get("seed"), length: this.get("length") };
    const anew = this.told.draw({ ...told, dialect: this.dialect, first: this.first, of: n });
    this.more.ariaDisabled = String(this.told.finished);
    this.again.textContent = `Sample again (${this.get("seed")})`;
    if (anew) this.save({ told: this.told.texts });
  }

  /** What is wrong with the beginning, and words that mend it; returns the words that can be read. */
  #advise(model, words) {
    const story = new Story(model, this.dialect);
    const unknown = words.findIndex((word) => !this.dialect.index.has(word));
    const read = (unknown >= 0 ? words.slice(0, unknown) : words).slice(0, story.longest);
    story.begin(read);
    const { text, wrong, at, instead } = advice(story, words, /[A-Za-z]$/.test(this.input.value));
    this.message.textContent = wrong ? text : ""; // leaving the dialect is no fault here
    this.input.setAttribute("aria-invalid", String(wrong));
    this.chips.hidden = !wrong || !instead.length;
    const mended = (word) => toText([...words.slice(0, at), word, ...words.slice(at + 1)]);
    this.chips.replaceChildren(...(wrong ? instead : []).map((word) => this.#chip(word, () => this.#mend(mended(word)))));
    return read;
  }

  #mend(prompt) {
    this.input.value = prompt;
    this.save({ prompt });
    this.input.focus();
  }
}

export default explorable((model) => new FineTuning(model));

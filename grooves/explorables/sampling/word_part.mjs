// The first view of `sampling`: one word, the language's and the sampler's distribution, and how far
// they are apart. Chapter 08.
//
// Key idea: a sampler is good at one place and bad at another. The same setting that removes a
// mistake where one word is certain cuts true words where many are equally likely.

import { button, radios } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { Part } from "../shared/explorable.mjs";
import { draw, randomNumber } from "../shared/model.mjs";
import { toText, toWords } from "../shared/oracle.mjs";
import { percent } from "../shared/story_sentences.mjs";
import { Story } from "../shared/story.mjs";
import { distances, sampled } from "./samplers.mjs";
import { hidden, named, nats, reasons } from "./sentences.mjs";
import { Settings, settingsOf } from "./settings.mjs";

const ROWS = 7;
const CUT = 2; // rows that words have which can follow and are cut, where there are any
const KINDS = ["exact", "sampler", "model"];

export class WordPart extends Part {
  constructor(model) {
    super(model);
    this.settings = new Settings((changes) => this.save(changes));
    this.places = radios("Place in a story", this.get("places").map(([name], i) => [`${i}`, name]), (i) => this.save({ prefix: this.get("places")[i][1] }), { className: "gx-radios gs-places" });
    this.prefix = element("p", { className: "gs-prefix", role: "region", "aria-label": "The story so far", tabIndex: 0 }, element("span"));
    this.drawButton = button("Draw a word", () => this.#drawWord());
    this.back = button("Back one word", () => this.#back());
    this.rows = Array.from({ length: ROWS }, () => this.#row());
    this.rest = element("p", { className: "gx-note" });
    this.cells = ["forward", "backward", "shannon"].map(() => [element("dd", { className: "gs-nats" }), element("dd", { className: "gs-reason" })]);
    const names = ["KL(language ‖ sampler)", "KL(sampler ‖ language)", "Jensen–Shannon"];
    this.news = element("p", { className: "gx-news", role: "status" });
    const key = (kind, text) => element("span", { className: `gs-key gs-${kind}` }, text);
    this.el = element(
      "div",
      {},
      this.settings.el,
      element("div", { className: "gs-story" }, this.places.el, this.prefix),
      element("div", { className: "gx-controls" }, this.drawButton, this.back, element("p", { className: "gs-keys" }, key("exact", "language"), key("sampler", "after the sampler"), key("model", "before it"))),
      element("ul", { className: "gs-next", "aria-label": "Next words" }, ...this.rows.map(({ el }) => el)),
      this.rest,
      element("dl", { className: "gs-distances" }, ...names.flatMap((name, i) => [element("dt", {}, name), ...this.cells[i]])),
      this.news,
    );
  }

  #row() {
    const bars = KINDS.map((kind) => element("span", { className: `gs-bar gs-${kind}` }));
    const [name, exact, after] = [element("span", { className: "gs-word" }), element("span", { className: "gs-number" }), element("span", { className: "gs-number" })];
    const add = element("button", { type: "button" }, name, element("span", { className: "gs-bars" }, ...bars), exact, after);
    const row = { el: element("li", {}, add), add, bars, name, exact, after, word: "" };
    add.addEventListener("click", () => this.#add(row.word));
    return row;
  }

  // ---- the story so far --------------------------------------------------------------------------

  /** What reads the prefix: another model, or another language. */
  load(transformer, oracle) {
    this.oracle = oracle;
    this.story = new Story(transformer, oracle);
    this.draw();
  }

  #add(word) {
    if (this.story.finished || word === this.oracle.end) return;
    this.save({ prefix: toText([...this.story.words, word]) });
    this.news.textContent = `Added ${named(word, this.oracle)}. ${this.#said()}`;
  }

  #drawWord() {
    const place = this.story.words.length;
    const token = draw(this.q, randomNumber(this.get("seed"), place));
    const word = this.oracle.vocabulary[token];
    if (word === this.oracle.end) this.news.textContent = "The end mark was drawn: the story is over.";
    this.save({ seed: this.get("seed") + 1 });
    this.#add(word);
    this.prefix.classList.toggle("gs-ended", word === this.oracle.end);
  }

  #back() {
    this.save({ prefix: toText(this.story.words.slice(0, -1)) });
    this.news.textContent = `Removed the last word. ${this.#said()}`;
  }

  #said() {
    const row = this.rows[0];
    return `Likeliest next: ${row.add.ariaLabel}.`;
  }

  // ---- what is shown -----------------------------------------------------------------------------

  draw() {
    const settings = settingsOf(this);
    const source = this.get("source");
    this.settings.draw({ ...settings, source });
    const prefix = this.get("prefix");
    this.places.set(this.get("places").findIndex(([, text]) => text === prefix));
    const words = toWords(prefix).filter((word) => this.oracle.index.has(word)).slice(0, this.story.longest);
    this.story.begin(words);
    const place = words.length;
    const p = this.story.exact(place);
    const scores = source === "language" && p ? p.map(Math.log) : this.story.reading.places[place].scores;
    const { q, cut } = sampled(scores, settings);
    const before = sampled(scores, {}).q;
    this.q = q;
    this.prefix.firstChild.textContent = place ? `${toText(words)} …` : "(the beginning of a story)";
    this.prefix.classList.remove("gs-ended");
    this.back.ariaDisabled = String(!place);
    this.drawButton.ariaDisabled = String(this.story.finished);
    this.#drawBars(p, q, before, cut);
    this.#drawDistances(p, q, cut);
    this.save({ distances: p ? this.found : {} });
  }

  #drawBars(p, q, before, cut) {
    const { vocabulary } = this.oracle;
    const highest = (i) => Math.max(p?.[i] ?? 0, q[i], before[i]);
    const order = [...vocabulary.keys()].sort((i, j) => highest(j) - highest(i));
    const missing = order.filter((i) => p?.[i] > 0 && q[i] === 0).slice(0, CUT);
    const others = order.filter((i) => !missing.includes(i)).slice(0, ROWS - missing.length);
    const shown = order.filter((i) => missing.includes(i) || others.includes(i));
    this.rows.forEach((row, n) => {
      const i = shown[n];
      row.word = vocabulary[i];
      row.name.textContent = row.word === this.oracle.end ? "the end" : row.word;
      [p, q, before].forEach((of, k) => row.bars[k].style.setProperty("--length", of?.[i] ?? 0));
      const gone = cut.has(i) ? "cut" : "";
      const can = p && p[i] === 0;
      row.exact.textContent = p ? (can ? "impossible" : percent(p[i])) : "";
      row.after.textContent = gone || percent(q[i]);
      row.el.classList.toggle("gs-cut", Boolean(gone));
      row.el.classList.toggle("gs-impossible", Boolean(can) && q[i] > 0);
      const language = p ? `language ${row.exact.textContent}, ` : "";
      const sampler = gone ? `cut by ${cut.get(i)}` : `sampler ${percent(q[i])}`;
      row.add.ariaLabel = `${row.name.textContent}: ${language}${sampler}, before it ${percent(before[i])}`;
    });
    const rest = order.filter((i) => !shown.includes(i) && (q[i] > 0 || p?.[i] > 0));
    const sum = (of) => rest.reduce((total, i) => total + (of?.[i] ?? 0), 0);
    this.rest.textContent = hidden({ n: rest.length, possible: rest.filter((i) => p?.[i] > 0).length, p: sum(p), q: sum(q) });
  }

  #drawDistances(p, q, cut) {
    if (!p) {
      this.cells.forEach(([value, reason]) => ([value.textContent, reason.textContent] = ["–", ""]));
      this.cells[0][1].textContent = "The text has left the language, so there is no exact distribution to compare with.";
      return;
    }
    const found = distances(p, q);
    const { forward, backward } = reasons(found, cut, this.oracle);
    const values = [found.forward, found.backward, found.jensenShannon];
    const why = [forward, backward, "Always finite; at most ln 2 = 0.6931 nats."];
    this.cells.forEach(([value, reason], i) => ([value.textContent, reason.textContent] = [nats(values[i]), why[i]]));
    const kept = (value) => (Number.isFinite(value) ? value : null); // JSON has no infinity
    this.found = { forward: kept(found.forward), backward: kept(found.backward), jensen_shannon: found.jensenShannon };
  }
}

// A data set: how many texts and words, how long they are, what repeats, and what occurs once.

import { choice } from "../shared/controls.mjs";
import { element, resize } from "../shared/dom.mjs";
import { Bars } from "../shared/plane.mjs";

const count = (value) => value.toLocaleString("en");
const many = (n, one, more = `${one}s`) => `${count(n)} ${n === 1 ? one : more}`;
const LONGEST = 300; // letters of a text that the kernel sends
const share = (part, all) => (all ? `${Math.round((1000 * part) / all) / 10}%` : "–");
const quantile = (at) => ({ 0: "Shortest", 1: "Longest" })[at] ?? `${100 * at}% up to`;

/** The counts of a data set: pairs of a name and a text. */
const figures = (set) => [
  ["Texts", count(set.texts)],
  ["Words", count(set.words)],
  ["Different words", count(set.distinct_words)],
  ["Texts that repeat an earlier one", `${count(set.duplicates)} (${share(set.duplicates, set.texts)})`],
  ["Different words that occur once", `${count(set.once)} (${share(set.once, set.distinct_words)})`],
];

export class DataTab {
  #chosen = 0;
  #bars = null;

  constructor() {
    this.choice = choice("Data set", [], (place) => {
      this.#chosen = Number(place);
      this.show(this.sets);
    });
    this.choice.el.classList.add("gu-sets");
    this.none = element("p", { className: "gu-about" }, "No data set was given: pass one as Studio(folder, data=texts).");
    this.figures = element("tbody");
    const table = element("table", { className: "gu-figures" }, element("caption", { className: "gx-title" }, "What it contains"), this.figures);
    this.lengths = element("div");
    const lengths = element("div", {}, element("p", { className: "gx-title" }, "Words of a text"), this.lengths);
    this.repeated = element("ul", { className: "gu-texts" });
    this.most = element("div", {}, element("p", { className: "gx-title" }, "Repeated most often"), this.repeated);
    this.once = element("p", { className: "gx-note" });
    this.all = element("div", {}, element("div", { className: "gu-data" }, table, lengths), this.most, this.once);
    this.el = element("div", {}, this.choice.el, this.none, this.all);
  }

  show(sets) {
    this.sets = sets;
    this.#chosen = Math.min(this.#chosen, Math.max(0, sets.length - 1));
    this.none.hidden = sets.length > 0;
    this.all.hidden = !sets.length;
    this.choice.el.hidden = sets.length < 2;
    resize(this.choice.input, sets.length, () => element("option")).forEach((option, i) => Object.assign(option, { value: i, textContent: sets[i].name }));
    if (!sets.length) return;
    this.choice.input.value = this.#chosen;
    const set = sets[this.#chosen];
    const lines = resize(this.figures, figures(set).length, () => element("tr", {}, element("th", { scope: "row" }), element("td")));
    figures(set).forEach((texts, i) => texts.forEach((text, column) => (lines[i].children[column].textContent = text)));
    this.#bars ??= new Bars(set.lengths.map(([at]) => quantile(at)), "Words of a text, by quantile");
    this.lengths.replaceChildren(this.#bars.el);
    this.#bars.draw(set.lengths.map(([, words]) => words), set.lengths.map(([, words]) => many(words, "word")), -1);
    this.most.hidden = !set.most_repeated.length;
    resize(this.repeated, set.most_repeated.length, () => element("li")).forEach((item, i) => {
      const [text, n] = set.most_repeated[i];
      item.textContent = `${count(n)} times: ${text}${text.length >= LONGEST ? "…" : ""}`;
    });
    const more = set.once > set.examples.length ? ", …" : ".";
    this.once.textContent = set.once ? `Once: ${set.examples.join(", ")}${more}` : "";
  }
}

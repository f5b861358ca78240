// The parts of the explorable `attention` that give numbers: the next word, and every head's attention weights.
//
// Key idea: a picture is never the only way to a number. The bars are buttons that say their
// numbers and add their word; the table holds what the shading shows, for all heads.

import { element } from "../shared/dom.mjs";
import { distance, percent } from "../shared/story_sentences.mjs";

const ROWS = 6;
const FEWEST = 5; // rows that are shown even where nobody expects their words
const SCALES = [0.1, 0.25, 0.5, 1]; // how much of certainty the full width of the bars stands for

/** Which words may come after the chosen place: the model's bars beside the language's. */
export class NextView {
  #title = element("p", { className: "gx-title" });
  #list = element("ul", { className: "gx-next" });
  #scale = element("span", { className: "gx-scale" });
  #note = element("p", { className: "gx-note" });

  /** add(word, place) is called with the word that the reader wants at the chosen place. */
  constructor(add) {
    for (let i = 0; i < ROWS; i++) {
      const bars = ["model", "drawn", "exact"].map((kind) =>
        element("span", { className: `gx-bar gx-${kind}` }),
      );
      const button = element(
        "button",
        { type: "button" },
        element("span", { className: "gx-label" }),
        element("span", { className: "gx-bars" }, ...bars),
        element("span", { className: "gx-share" }),
        element("span", { className: "gx-share" }),
      );
      button.addEventListener("click", () => add(button.dataset.word, this.place));
      this.#list.append(element("li", {}, button));
    }
    const heads = element(
      "p",
      { className: "gx-row gx-columns", "aria-hidden": "true" },
      element("span"),
      this.#scale,
      element("span", { className: "gx-key gx-model" }, "model"),
      element("span", { className: "gx-key gx-exact" }, "language"),
    );
    const name = { role: "group", "aria-label": "What may come next" };
    this.el = element("div", name, this.#title, heads, this.#list, this.#note);
  }

  /** state: { story, place, temperature } */
  draw({ story, place, temperature }) {
    this.place = place;
    const { vocabulary, end } = story.oracle;
    const model = story.expects(place);
    const drawn = temperature === 1 ? null : story.expects(place, temperature);
    const exact = story.exact(place);
    const came = story.came(place);
    const highest = (i) => Math.max(model[i], exact?.[i] ?? 0, drawn?.[i] ?? 0);
    const shown = [...vocabulary.keys()].sort((i, j) => highest(j) - highest(i)).slice(0, ROWS);
    // The word that came is shown even where it was the least likely of all.
    if (came && !shown.some((i) => vocabulary[i] === came)) shown[ROWS - 1] = vocabulary.indexOf(came);
    const scale = SCALES.find((limit) => highest(shown[0]) <= limit) ?? 1;
    this.#title.textContent = place ? `After “${story.words[place - 1]}”` : "The first word";
    this.#scale.textContent = percent(scale);
    [...this.#list.children].forEach((item, row) => {
      const button = item.firstChild;
      const i = shown[row];
      item.hidden = row >= FEWEST && highest(i) < 0.001 && vocabulary[i] !== came;
      const word = vocabulary[i] === end ? "the end" : vocabulary[i];
      const [label, bars, modelShare, exactShare] = button.children;
      button.dataset.word = vocabulary[i];
      button.classList.toggle("gx-came", vocabulary[i] === came);
      label.textContent = word;
      [model, drawn, exact].forEach((p, k) => {
        bars.children[k].style.setProperty("--share", (p?.[i] ?? 0) / scale);
        bars.children[k].hidden = !p;
      });
      modelShare.textContent = percent(model[i]);
      exactShare.textContent = exact ? percent(exact[i]) : "";
      const language = exact ? `, language ${percent(exact[i])}` : "";
      const past = vocabulary[i] === came ? ", the word that came" : "";
      button.setAttribute("aria-label", `${word}: model ${percent(model[i])}${language}${past}`);
    });
    const thin = drawn ? ` Thin bars: the model’s probabilities at temperature ${temperature}.` : "";
    this.#note.textContent = distance(model, exact) + thin;
  }
}

/** Every attention weight of the chosen word, one row per word, one column per head. */
export class NumbersView {
  #table = element("table");
  #title = element("summary");
  #state = null;

  constructor() {
    const region = element("div", {
      className: "gx-table",
      role: "region",
      "aria-label": "Attention weights as a table",
      tabIndex: 0,
    });
    region.append(this.#table);
    this.el = element("details", { className: "gx-numbers" }, this.#title, region);
    this.el.addEventListener("toggle", () => this.draw(this.#state));
  }

  /** state: { story, place, layers, heads } */
  draw(state) {
    this.#state = state;
    const { story, place, layers, heads } = state;
    const word = place ? `“${story.words[place - 1]}”` : "the start";
    this.#title.textContent = `All numbers for ${word}, head by head`;
    if (!this.el.open) return; // nobody sees it, and it has a row for every word
    const columns = Array.from({ length: layers * heads }, (_, i) => [Math.floor(i / heads), i % heads]);
    const cell = (tag, text, scope) => element(tag, scope ? { scope } : {}, text);
    const top = element(
      "tr",
      {},
      cell("th", "word", "col"),
      ...columns.map(([l, h]) => cell("th", `${l + 1}.${h + 1}`, "col")),
    );
    const rows = [];
    for (let s = place; s >= 0; s--) {
      const name = s ? `${s} ${story.words[s - 1]}` : "start";
      const weights = columns.map(([l, h]) => story.looks(place, l, h)[s]);
      rows.push(
        element("tr", {}, cell("th", name, "row"), ...weights.map((w) => cell("td", w.toFixed(3)))),
      );
    }
    const caption = "Layer.head; each column adds up to 1.";
    this.#table.replaceChildren(
      element("caption", {}, caption),
      element("thead", {}, top),
      element("tbody", {}, ...rows),
    );
  }
}

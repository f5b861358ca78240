// The explorable `labels`: type any sentence and see the training pairs that each objective makes
// of it, and how many human labels each needs. Chapter 03.
//
// Key idea: five objectives, one sentence; the pairs are made here, by the same rules as in
// grooves/training/objectives.py, and counted.
// State: sentence, unit, objective, share, seed, mistake, texts, labels, given, threshold,
// seconds_per_label, n_texts, inputs, targets.

import { radios } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { explorable, Part, react } from "../shared/explorable.mjs";
import { MASK, PairsPanel } from "./pairs.mjs";
import { makeViews, PartnersPanel } from "./partners.mjs";
import { NEITHER, PeoplePanel } from "./people.mjs";
import { answers, PseudoPanel } from "./pseudo.mjs";
import { OBJECTIVES, some } from "./sentences.mjs";
import { choosePlaces, maskedWord, nextWord } from "./objectives.mjs";
import { cut } from "./pieces.mjs";
import { uniform } from "../shared/random.mjs";

const MOST = 200; // pieces of a sentence that are used
const OTHERS = 2; // texts beside the sentence, of which views are made
const OWN = "own"; // the sentence among the texts that are labelled
const TRY = [
  ["Español", "La zorra perdió su cometa, y el búho la encontró."],
  ["日本語", "きつねは川のそばで金色のたこをなくしました。"],
  ["Code", "for kite in kites: print(kite.colour)"],
];

class Labels extends Part {
  #saying = 0; // a timer: screen readers are told when typing rests

  constructor(model) {
    super(model);
    const actions = {
      save: (changes) => this.save(changes),
      seed: () => this.get("seed"),
      say: (text) => (this.news.textContent = text),
      answer: (key, label) => this.save({ given: { ...this.get("given"), [key]: label } }),
      startOver: () => this.save({ given: {} }),
      takeFromGrammar: () => this.#takeFromGrammar(),
    };
    const pairs = new PairsPanel(actions);
    this.panels = {
      next_word: pairs,
      masked_word: pairs,
      two_views: new PartnersPanel(actions),
      people: new PeoplePanel(actions),
      pseudo_labels: new PseudoPanel(actions),
    };
    this.#build();
  }

  #build() {
    this.input = element("textarea", { rows: 1, spellcheck: false, dir: "auto" });
    this.input.addEventListener("input", () => this.#type(this.input.value));
    const first = this.get("sentence");
    const chips = [["Back to the fox", first], ...TRY].map(([name, sentence]) => {
      const chip = element("button", { type: "button", className: "gx-chip" }, name);
      chip.addEventListener("click", () => this.#type(sentence));
      return chip;
    });
    const units = ["words", "characters"].map((unit) => [unit, unit]);
    this.units = radios("Split into", units, (unit) => this.save({ unit }), { className: "gl-units", option: "gl-check", titled: true });
    this.message = element("p", { className: "gx-message" });
    this.cards = Object.entries(OBJECTIVES).map(([value, { name }]) => {
      const [title, pairs, labels] = ["gl-name", "gl-pairs", "gl-cost"].map((className) => element("span", { className }));
      title.textContent = name;
      return { value, pairs, labels, parts: [title, pairs, labels] };
    });
    const cards = this.cards.map(({ value, parts }) => [value, parts]);
    this.objectives = radios("Objective", cards, (objective) => this.save({ objective, mistake: false }), { className: "gl-cards", option: "gl-card" });
    this.news = element("p", { className: "gx-news", role: "status" });
    this.el = element(
      "section",
      { className: "gx gl", "aria-label": "Type a sentence and see the training pairs made of it" },
      element("label", { className: "gx-field" }, "Any sentence, in any language", this.input),
      element(
        "div",
        { className: "gl-options" },
        element("div", { className: "gx-chips" }, ...chips),
        this.units.el,
      ),
      this.message,
      this.objectives.el,
      this.news,
      ...new Set(Object.values(this.panels).map(({ el }) => el)),
    );
  }

  // ---- what is known elsewhere -----------------------------------------------------------------

  /** Follow the model's state until `signal` says that the page has no use for this any more. */
  follow(signal) {
    const draw = () => this.#draw();
    const names = ["sentence", "unit", "objective", "share", "seed", "mistake", "texts", "labels", "given", "threshold", "seconds_per_label", "n_texts"];
    react(this.model, names.map((name) => [`change:${name}`, draw]), signal);
    draw();
    signal.addEventListener("abort", () => {
      clearTimeout(this.#saying);
    });
  }

  // ---- what the reader does --------------------------------------------------------------------

  /** A person's label belongs to the sentence that was read, not to the next one. */
  #type(sentence) {
    const { [OWN]: _, ...given } = this.get("given");
    this.save({ sentence, given });
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => (this.news.textContent = this.#summary()), 600);
  }

  /** Three labels of each kind, as a person would give them who makes no mistakes. */
  #takeFromGrammar() {
    const given = { ...this.get("given") };
    const texts = this.get("texts");
    for (const label of this.get("labels").keys()) {
      const open = [...texts.keys()].filter((i) => texts[i].label === label && !(i in given));
      for (const i of open.slice(0, 3)) given[i] = label;
    }
    this.save({ given });
  }

  // ---- what is shown ---------------------------------------------------------------------------

  /** The pairs of the first two objectives for the sentence's pieces. */
  #pairs(objective, pieces) {
    const mistake = this.get("mistake") && objective === this.get("objective");
    if (objective === "next_word") {
      const { inputs, targets } = nextWord(pieces);
      return { inputs, targets: mistake ? inputs : targets };
    }
    const hidden = choosePlaces(pieces.length, this.get("share"), uniform(this.get("seed")));
    const { inputs, targets } = maskedWord(pieces, hidden, MASK);
    return { inputs, targets: mistake ? pieces : targets };
  }

  #summary() {
    const { value, pairs, labels } = this.cards.find(({ value }) => value === this.get("objective"));
    return `${OBJECTIVES[value].name}: ${pairs.textContent}, ${labels.textContent}.`;
  }

  #draw() {
    const unit = this.get("unit");
    const sentence = this.get("sentence");
    const objective = this.get("objective");
    const all = cut(sentence, unit);
    const [pieces, spaced] = [all.pieces.slice(0, MOST), all.spaced.slice(0, MOST)];
    if (this.input.value !== sentence) this.input.value = sentence;
    this.units.set(unit);
    this.message.textContent =
      pieces.length < 2
        ? "Type a little more: an example needs an input and a target."
        : all.pieces.length > MOST
          ? `Only the first ${MOST} of ${all.pieces.length} ${unit} are used.`
          : "";

    const texts = this.get("texts");
    const labels = this.get("labels");
    const given = this.get("given");
    const own = pieces.length ? [{ key: OWN, text: sentence.trim(), own: true, pieces }] : [];
    const others = texts.map(({ text }, i) => ({ key: `${i}`, text, own: false, ...cut(text, unit) }));
    const deck = [...own, ...others];
    const truth = Object.fromEntries(texts.map(({ label }, i) => [`${i}`, label]));
    const said = answers(deck, given, labels.length, this.get("threshold"));
    const views = makeViews([...(pieces.length ? [{ pieces, spaced }] : []), ...others.slice(0, OTHERS)], this.get("share"), this.get("seed"), this.get("mistake"));

    const byPeople = Object.values(given).filter((label) => label !== NEITHER).length;
    const counted = {
      next_word: [this.#asked("next_word", pieces), 0],
      masked_word: [this.#asked("masked_word", pieces), 0],
      two_views: [pieces.length ? 2 : 0, 0],
      people: [(given[OWN] ?? NEITHER) === NEITHER ? 0 : 1, 1],
      pseudo_labels: [said?.find(({ key }) => key === OWN)?.kept ? 1 : 0, byPeople],
    };
    this.objectives.set(objective);
    for (const { value, pairs, labels: cost } of this.cards) {
      pairs.textContent = some(counted[value][0], "pair");
      cost.textContent = value === "pseudo_labels" && !said ? "needs labels first" : some(counted[value][1], "human label");
      cost.parentElement.classList.toggle("gl-pays", value === "people" || value === "pseudo_labels");
    }
    const chosen = this.panels[objective];
    for (const panel of Object.values(this.panels)) panel.el.hidden = panel !== chosen;
    if (objective !== "people") this.panels.people.leave();
    const textual = objective === "next_word" || objective === "masked_word";
    const { inputs, targets } = textual ? this.#pairs(objective, pieces) : { inputs: [], targets: [] };
    chosen.draw({
      objective, inputs, targets, spaced, views, deck, given, truth, said, labels,
      share: this.get("share"),
      mistake: this.get("mistake"),
      threshold: this.get("threshold"),
      seconds: this.get("seconds_per_label"),
      texts: this.get("n_texts"),
    });
    const known = JSON.stringify([inputs, targets]);
    if (known !== this.known) {
      this.known = known;
      this.save({ inputs, targets });
    }
  }

  #asked(objective, pieces) {
    return this.#pairs(objective, pieces).targets.filter((target) => target !== null).length;
  }
}

export default explorable((model) => new Labels(model));

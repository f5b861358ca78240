// The part of the explorable `labels` in which a person labels texts, by the clock: what does a label cost?
//
// Key idea: the pace is the reader's own, measured; the rest is one multiplication.

import { button, slider } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { count, HOURS_A_YEAR, median, OBJECTIVES, some, work } from "./sentences.mjs";

export const NEITHER = -1; // a person's answer where no label fits

export class PeoplePanel {
  #times = []; // seconds from seeing a text to answering
  #since = null;
  #asked = null; // the text that is shown

  /** actions: save(changes), answer(key, label), startOver(), say(text). */
  constructor(actions) {
    this.actions = actions;
    this.which = element("p", { className: "gx-note" });
    this.text = element("blockquote", { className: "gl-quote", dir: "auto" });
    this.answers = element("div", { className: "gx-controls", role: "group", "aria-label": "Your label" });
    this.progress = element("p", { className: "gl-caption" });
    this.again = button("Start over", () => {
      this.#times = [];
      this.#asked = null;
      actions.startOver();
      this.answers.firstElementChild.focus();
    });
    this.seconds = slider("Seconds per label", { min: 1, max: 60, step: 0.5 }, (seconds) => actions.save({ seconds_per_label: seconds }));
    this.texts = slider("Texts", { min: 2, max: 9, step: 1 }, (power) => actions.save({ n_texts: 10 ** power }));
    this.mine = button("Use my pace", () => actions.save({ seconds_per_label: Math.max(0.1, Number(this.pace.toFixed(1))) }));
    this.sum = element("p", { className: "gl-sum" });
    this.el = element(
      "div",
      { className: "gl-panel" },
      element("p", { className: "gl-idea" }, OBJECTIVES.people.idea),
      element("div", { className: "gl-deck" }, this.which, this.text, this.answers),
      this.progress,
      element("p", { className: "gx-title" }, "The cost of labelling a whole data set"),
      element("div", { className: "gx-controls gl-assume" }, this.mine, this.seconds.el, this.texts.el),
      this.sum,
      element("p", { className: "gx-note" }, `Assumed: one label per text, one person per label, no breaks, and ${count(HOURS_A_YEAR)} working hours per year.`),
    );
  }

  /** The reader's pace in seconds per label. */
  get pace() {
    return median(this.#times);
  }

  /** state: deck ([{key, text, own}]), given, truth (by key), labels, seconds, texts. */
  draw({ deck, given, truth, labels, seconds, texts }) {
    const open = deck.find(({ key }) => !(key in given));
    if (open?.key !== this.#asked?.key || open?.text !== this.#asked?.text) this.#since = performance.now();
    this.#asked = open;
    const done = deck.filter(({ key }) => key in given);
    this.which.textContent = open
      ? `Text ${deck.indexOf(open) + 1} of ${deck.length}: ${open.own ? "your sentence" : "the end of a story"}. Is it ${labels.join(" or ")}?`
      : "Nothing is left to label.";
    this.text.textContent = open?.text ?? "";
    this.text.hidden = !open;
    if (this.answers.childElementCount !== labels.length + 2) {
      const choices = [...labels.map((name, i) => [name, i]), ["neither", NEITHER]];
      this.answers.replaceChildren(...choices.map(([name, label]) => button(name, () => this.#answer(label, name))), this.again);
    }
    for (const one of this.answers.children) one.ariaDisabled = String(one === this.again ? !done.length : !open);
    this.progress.textContent = this.#progress(done, given, truth);
    this.mine.ariaDisabled = String(!this.#times.length);
    this.seconds.set(seconds, `${count(seconds)} s`);
    this.texts.set(Math.log10(texts), count(texts));
    this.sum.textContent = `${work(seconds, texts)} Next-word prediction on the same texts: 0 hours.`;
  }

  /** The reader looks at something else: the clock starts anew when this is shown again. */
  leave() {
    this.#asked = null;
  }

  #answer(label, name) {
    this.#times.push((performance.now() - this.#since) / 1000);
    this.actions.answer(this.#asked.key, label);
    const next = this.#asked ? `Next: ${this.#asked.text}` : "Nothing is left.";
    this.actions.say(`Labelled ${name}. ${next}`);
  }

  #progress(done, given, truth) {
    if (!done.length) return "The clock runs from the moment you see a text until you label it. A text that no label fits costs time as well, because somebody has to decide what to do with it.";
    const pace = this.#times.length ? ` Your pace: ${this.pace.toFixed(1)} s per label (the median of ${this.#times.length}).` : "";
    const known = done.filter(({ key }) => key in truth && given[key] !== NEITHER);
    const agree = known.filter(({ key }) => given[key] === truth[key]).length;
    const agreed = known.length ? ` The grammar that generated the stories agrees with ${agree} of ${known.length}.` : "";
    return `${some(done.length, "text")} labelled.${pace}${agreed}`;
  }
}

// Changes of settings whose effect on one number the reader predicts, among three answers.
//
// Key idea: the question and the answer come from the same two values, before and after, so a change
// of the model changes both.

import { choice } from "./controls.mjs";
import { element } from "./dom.mjs";
import { Bars } from "./plane.mjs";
import { Prediction, praise } from "./prediction.mjs";

/** Which of the answers is right: 0 below the first cut, 1 between the first two, and so on. */
export function place(cuts, value) {
  return cuts.filter((cut) => value >= cut).length;
}

export class Experiments {
  #answered = ""; // the experiment whose answer is shown
  #experiments;
  #does;

  /** part: an explorable whose state has experiment, asks and guesses.
   * experiments: by key, each with name, answers (three) and why. label: of the bars.
   * does: what differs between explorables. before(key), after(key): settings to be saved;
   * values(key): the two numbers that are compared; right(experiment, before, after): the answer
   * that is right; noted(): what else a guess records; question(experiment, before),
   * verdict(experiment, before, after), show(experiment, value): texts; draw(); tell(text): say it to
   * screen readers. offered(experiment): whether it can be chosen, if not all can. */
  constructor(part, experiments, label, does) {
    [this.part, this.#experiments, this.#does] = [part, experiments, does];
    const offered = Object.entries(experiments).filter(([, one]) => does.offered?.(one) ?? true);
    const names = offered.map(([key, { name }]) => [key, name]);
    this.choice = choice("Change", names, (key) => this.#choose(key));
    this.bars = new Bars(["Before", "After"], label);
    this.verdict = element("p", { className: "gc-verdict" });
    this.why = element("p", { className: "gc-help" });
    const answer = element("div", {}, this.bars.el, this.verdict, this.why);
    this.prediction = new Prediction([0, 1, 2].map((one) => [one, `${one}`]), (guess) => this.#guess(guess), (asks) => part.save({ asks }), answer);
    this.elements = [this.choice.el, this.prediction.el];
  }

  get key() {
    return this.part.get("experiment");
  }

  /** Whether the answer is on the page. */
  get shown() {
    return !this.part.get("asks") || this.#answered === this.key;
  }

  #choose(key) {
    this.#answered = "";
    this.part.save({ ...this.#does.before(key), experiment: key });
    this.prediction.say("");
    this.#does.draw();
  }

  /** guess: 0, 1 or 2, or null to be shown. */
  #guess(guess) {
    const [key, { after, values, right, noted, draw, tell }] = [this.key, this.#does];
    const made = { experiment: key, ...noted?.(), guess, right: right(this.#experiments[key], ...values(key)) };
    const guesses = guess === null ? {} : { guesses: [...this.part.get("guesses"), made] };
    this.#answered = key;
    this.part.save({ ...after(key), ...guesses });
    draw();
    this.prediction.say(guess === null ? "" : praise(this.part.get("guesses"), "right"));
    tell(`${this.verdict.textContent} ${this.why.textContent}`);
    this.prediction.switch.focus({ preventScroll: true }); // the button that had the focus is gone
  }

  draw() {
    const { values, question, verdict, show } = this.#does;
    const experiment = this.#experiments[this.key];
    const [before, after] = values(this.key);
    this.choice.input.value = this.key;
    [...this.prediction.row.children].slice(0, 3).forEach((one, i) => (one.textContent = experiment.answers[i]));
    this.prediction.draw(this.shown ? null : question(experiment, before), this.part.get("asks"));
    this.bars.draw([before, after], [before, after].map((value) => show(experiment, value)), 1);
    this.verdict.textContent = verdict(experiment, before, after);
    this.why.textContent = experiment.why;
  }
}

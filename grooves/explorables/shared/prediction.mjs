// Predict first: a question with a few answers stands where the answer will stand.
//
// Key idea: readers who have committed to a prediction look at the result more closely. Nobody has
// to: the answer can be shown without a guess, and the questions can be switched off.

import { button } from "./controls.mjs";
import { element } from "./dom.mjs";

export class Prediction {
  #text = element("p", { className: "gx-title" });

  /** answers: pairs of a value and its name. answered(value): or null, to be shown.
   * answer: the element that takes the question's place. */
  constructor(answers, answered, switched, answer) {
    this.answer = answer;
    const buttons = [...answers.map(([value, name]) => button(name, () => answered(value))), button("Show me", () => answered(null))];
    this.first = buttons[0];
    this.row = element("div", { className: "gx-controls" }, ...buttons);
    this.said = element("p", { className: "gc-said", role: "status" });
    this.box = element("div", { className: "gc-question", role: "group", "aria-label": "Predict first" }, this.#text, this.row);
    this.switch = element("input", { type: "checkbox" });
    this.switch.addEventListener("change", () => switched(this.switch.checked));
    this.el = element("div", { className: "gc-prediction" }, element("div", { className: "gx-stack" }, this.box, answer), this.said, element("label", { className: "gc-check" }, this.switch, "Ask me first"));
  }

  /** question: or null where nothing is asked. */
  draw(question, asks) {
    this.switch.checked = asks;
    this.box.hidden = question === null;
    this.answer.hidden = question !== null;
    if (question !== null) {
      this.#text.textContent = question;
      this.said.textContent = "";
    }
  }

  say(text) {
    this.said.textContent = text;
  }
}

/** "Right." or not, and how many guesses were right so far. guesses: [{ guess, [truth] }]. */
export function praise(guesses, truth) {
  const right = guesses.filter((one) => one.guess === one[truth]).length;
  const last = guesses.at(-1);
  const so = last.guess === last[truth] ? "Right." : "Not this time.";
  return `${so} ${right} of ${guesses.length} ${guesses.length === 1 ? "guess" : "guesses"} right.`;
}

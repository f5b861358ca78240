// Predict first: a question with a few answers stands before what would give the answer away.
//
// Key idea: who has committed to an answer, sees what is shown with other eyes. Nobody has to:
// there is a way to be shown, and the asking can be switched off.

import { button } from "./controls.mjs";
import { element } from "./dom.mjs";

export class Prediction {
  #text = element("p", { className: "gx-title" });

  /** answers: pairs of a value and its name. answered(value): or null, to be shown. */
  constructor(answers, answered, switched) {
    const buttons = [...answers.map(([value, name]) => button(name, () => answered(value))), button("Show me", () => answered(null))];
    this.first = buttons[0];
    this.row = element("div", { className: "gx-controls" }, ...buttons);
    this.said = element("p", { className: "gc-said", role: "status" });
    this.box = element("div", { className: "gc-question", role: "group", "aria-label": "Predict first" }, this.#text, this.row);
    this.switch = element("input", { type: "checkbox" });
    this.switch.addEventListener("change", () => switched(this.switch.checked));
    this.el = element("div", { className: "gc-prediction" }, this.box, this.said, element("label", { className: "gc-check" }, this.switch, "Ask me first"));
  }

  /** question: or null where nothing is asked. */
  draw(question, asks) {
    this.switch.checked = asks;
    this.box.hidden = question === null;
    if (question !== null) {
      this.#text.textContent = question;
      this.said.textContent = "";
    }
  }

  say(text) {
    this.said.textContent = text;
  }
}

/** "Right." or not, and how many of how many were. guesses: [{ guess, [truth] }]. */
export function praise(guesses, truth) {
  const right = guesses.filter((one) => one.guess === one[truth]).length;
  const last = guesses.at(-1);
  const so = last.guess === last[truth] ? "Right." : "Not this time.";
  return `${so} ${right} of ${guesses.length} ${guesses.length === 1 ? "guess" : "guesses"} right.`;
}

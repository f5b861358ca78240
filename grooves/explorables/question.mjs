// A question before each step back: what will the gradient be? Predict, then see.

import { element } from "./dom.mjs";
import { OPERATIONS } from "./operations.mjs";
import { judgeAnswer, nameOf, show } from "./step_sentences.mjs";

/** Of what a step hands on, what is asked: a weight's blame if there is one, else the first. */
export function asked({ passes }, trained) {
  return passes.find(({ to }) => trained.includes(to.name)) ?? passes[0];
}

export class Question {
  #text = element("span");
  #field = element("input", { type: "text", inputMode: "decimal", autocomplete: "off", size: 8 });
  #said = element("p", { className: "gb-said", role: "status" });
  #step = null;

  /** done(): the reader has answered rightly, or wants to see the answer. */
  constructor(done) {
    const button = (text, action) => {
      const made = element("button", { type: "button", className: "gx-action" }, text);
      made.addEventListener("click", action);
      return made;
    };
    this.done = done;
    const row = element("div", { className: "gb-answer" }, element("label", {}, this.#text, this.#field), button("Check", () => this.#check()), button("Show me", () => this.#finish("")));
    this.el = element("div", { className: "gb-question", role: "group", "aria-label": "Question", hidden: true }, row, this.#said);
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // else it would press the button that gets the focus next
      this.#check();
    });
  }

  get open() {
    return !this.el.hidden;
  }

  /** step: of a trace's way back. */
  ask(step, values, trained) {
    const pass = asked(step, trained);
    this.#step = { node: step.node, blame: step.blame, pass, values };
    const symbol = OPERATIONS[step.node.operation].symbol;
    this.#text.textContent = `Blame ${show(step.blame)} arrives at “${symbol}”. What gradient will ${nameOf(pass.to)} have then? `;
    this.#said.textContent = "";
    this.#field.value = "";
    this.el.hidden = false;
    this.#field.focus();
  }

  close() {
    this.el.hidden = true;
  }

  #check() {
    const answer = Number(this.#field.value.trim().replace("−", "-").replace(",", ".") || NaN);
    if (Number.isNaN(answer)) {
      this.#said.textContent = "Type a number.";
      return;
    }
    const { right, text } = judgeAnswer(answer, this.#step, this.#step.values);
    this.#said.textContent = text;
    if (right) this.#finish("Right. ");
  }

  #finish(praise) {
    this.close();
    this.done(praise);
  }
}

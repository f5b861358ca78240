// A question before each step backward: predict the gradient, then see it.

import { OPERATIONS } from "./operations.mjs";
import { NumberPrompt } from "../shared/prompt.mjs";
import { judgeAnswer, nameOf, show } from "./step_sentences.mjs";

/** Which gradient of a step is asked for: a weight's if there is one, otherwise the first. */
export function asked({ passes }, trained) {
  return passes.find(({ to }) => trained.includes(to.name)) ?? passes[0];
}

function read(text) {
  const answer = Number(text.trim().replace("−", "-").replace(",", ".") || NaN);
  return Number.isNaN(answer) ? null : answer;
}

export class Question {
  #step = null;

  /** done(): the reader has answered correctly, or wants to see the answer. */
  constructor(done) {
    this.prompt = new NumberPrompt({ read, judge: (answer) => judgeAnswer(answer, this.#step, this.#step.values), done });
    this.el = this.prompt.el;
  }

  get open() {
    return this.prompt.open;
  }

  /** step: of a trace's backward pass. */
  ask(step, values, trained) {
    const pass = asked(step, trained);
    this.#step = { node: step.node, gradient: step.gradient, pass, values };
    const symbol = OPERATIONS[step.node.operation].symbol;
    this.prompt.ask(`The gradient of “${symbol}” is ${show(step.gradient)}. What gradient will ${nameOf(pass.to)} have then?`);
  }

  close() {
    this.prompt.close();
  }
}

// The first part of the explorable `backprop`: the forward and backward pass of one formula.
//
// Key idea: the state is one number, how many steps have been taken. All values and gradients follow
// from it and from the variables, so every change is shown at once and at the same step. Chapter 02.

import { button, rateSlider } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { EXAMPLES, firstValue, looksTrained } from "./examples.mjs";
import { Part } from "../shared/explorable.mjs";
import { read } from "./formula.mjs";
import { GraphView } from "./graph_view.mjs";
import { NodesTable } from "./nodes_table.mjs";
import { FormulaError } from "./operations.mjs";
import { Question } from "./question.mjs";
import { descend } from "./scalar.mjs";
import { show } from "./step_sentences.mjs";
import { Curve } from "../shared/svg.mjs";
import { Tabs } from "../shared/tabs.mjs";
import { trainingSentence } from "./training_sentences.mjs";
import { VariablesView } from "./variables_view.mjs";
import { Walk } from "./walk.mjs";

const MS_PER_STEP = 600;
const MANY = 20; // steps of training at one press

export class ExpressionPart extends Part {
  #id = `gx-${Math.random().toString(36).slice(2, 8)}`;
  #timer = null;
  #losses = []; // since training began
  #trainedTo = null; // the values that training has set, as they were sent
  #report = ""; // about the last training, until something else happens
  #praise = ""; // of an answer, said before what happens

  constructor(model) {
    super(model);
    this.reactions = {
      "change:expression": () => this.#load(),
      "change:values": () => this.#valuesChanged(),
      ...Object.fromEntries(["trained", "lr", "step", "ask"].map((name) => [`change:${name}`, () => this.draw()])),
    };
    this.#build();
    this.#load();
  }

  // ---- what is on the page ---------------------------------------------------------------------

  #build() {
    this.input = element("textarea", { rows: 2, spellcheck: false, autocomplete: "off", autocapitalize: "off" });
    this.input.setAttribute("aria-describedby", `${this.#id}-message`);
    this.input.addEventListener("input", () => this.#typed());
    this.message = element("p", { id: `${this.#id}-message`, className: "gx-message", role: "status" });
    this.chips = EXAMPLES.map((example) => {
      const chip = element("button", { type: "button", className: "gx-chip" }, example.name);
      chip.addEventListener("click", () => this.#choose(example));
      return chip;
    });
    this.notice = element("p", { className: "gx-note" });
    this.steps = {
      forward: button("Step forward", () => this.#go(this.#step + 1)),
      back: button("Step backward", () => this.#back()),
      allForward: button("All forward", () => this.#play(this.walk.turn)),
      allBack: button("All backward", () => this.#play(this.walk.last)),
    };
    this.askBox = element("input", { type: "checkbox" });
    this.askBox.addEventListener("change", () => this.save({ ask: this.askBox.checked }));
    this.picture = new GraphView();
    this.count = element("p", { className: "gb-count" });
    this.sentence = element("p", { className: "gb-sentence", role: "status" });
    this.question = new Question((praise) => this.#answered(praise));
    this.variables = new VariablesView((name, x) => this.#set(name, x), (name, on) => this.#train(name, on));
    this.rate = rateSlider("Learning rate", { min: -3, max: 1 }, (lr) => this.save({ lr }), show);
    this.trainButtons = [button("Train one step", () => this.#descend(1)), button(`Train ${MANY} steps`, () => this.#descend(MANY))];
    this.report = element("p", { className: "gb-sentence", role: "status" });
    this.curve = new Curve(show);
    this.table = new NodesTable();
    const controls = (...children) => element("div", { className: "gx-controls" }, ...children);
    const title = (text) => element("p", { className: "gx-title" }, text);
    const key = (kind, text) => element("span", { className: kind }, text);
    const tabs = new Tabs("What to do with the formula", [
      [
        "Step through it",
        controls(...Object.values(this.steps), button("Start over", () => this.#startOver())),
        element("div", { className: "gb-saying" }, this.count, this.sentence, this.question.el),
        element(
          "div",
          { className: "gb-key" },
          key("gb-value", "above: value"),
          key("gb-gradient", "below: gradient"),
          key("gb-weight", "thick frame: weight"),
          element("label", { className: "gb-check" }, this.askBox, "Ask me before each step back"),
        ),
        this.picture.el,
        this.table.el,
      ],
      [
        "Train it",
        element(
          "div",
          { className: "gb-halves" },
          element("div", {}, title("Change the numbers"), this.variables.el),
          element("div", {}, title("Train: weight − learning rate × gradient"), controls(...this.trainButtons, button("Start over", () => this.#startOver())), this.rate.el, this.curve.el, this.report),
        ),
      ],
    ]);
    this.el = element(
      "div",
      { className: "gb-part", role: "group", "aria-label": "A formula, forward and backward" },
      element("label", { className: "gx-field" }, "Formula, with + - * / ^ relu tanh exp log; its last line is the result", this.input),
      this.message,
      element("div", { className: "gx-chips", role: "group", "aria-label": "Examples" }, ...this.chips),
      this.notice,
      ...tabs.elements,
    );
  }

  // ---- what is known elsewhere -----------------------------------------------------------------

  /** Every variable's number; a new one gets a number to begin with. */
  get #given() {
    const set = this.get("values");
    return Object.fromEntries(this.graph.variables.map((name) => [name, set[name] ?? firstValue(name)]));
  }

  get #weights() {
    const chosen = this.get("trained");
    return this.graph.variables.filter((name) => (chosen ? chosen.includes(name) : looksTrained(name)));
  }

  get #step() {
    return Math.max(0, Math.min(this.get("step"), this.walk.last));
  }

  // ---- the formula and its numbers -------------------------------------------------------------

  /** Read the formula that is set; the page may have it from the reader or from the kernel. */
  #load() {
    this.stop();
    const text = this.get("expression");
    if (this.input.value !== text) this.input.value = text;
    if (!this.#readable(text)) return;
    // What the page takes for a new variable is to be known elsewhere, too.
    if (this.graph.variables.some((name) => !(name in this.get("values")))) this.save({ values: { ...this.get("values"), ...this.#given } });
    this.#restart();
  }

  /** Take a formula if it can be read; otherwise say what is wrong and keep the last one. */
  #readable(text) {
    this.fault = null;
    try {
      this.graph = read(text);
    } catch (error) {
      if (!(error instanceof FormulaError)) throw error;
      this.fault = error;
    }
    this.input.setAttribute("aria-invalid", String(Boolean(this.fault)));
    if (this.fault) this.message.textContent = this.fault.message;
    return !this.fault;
  }

  /** A formula is saved as soon as it can be read. */
  #typed() {
    this.stop();
    if (!this.#readable(this.input.value)) return;
    if (this.input.value === this.get("expression")) this.#restart();
    else this.save({ step: 0, trained: null, expression: this.input.value });
  }

  #choose({ expression, values, trained, lr }) {
    this.save({ step: 0, values: { ...values }, trained: [...trained], lr, expression });
    this.#load(); // also where it is the same formula, and another one is being typed
  }

  /** Forget what was trained: the numbers are as somebody has set them. */
  #restart() {
    this.#losses = [];
    this.#report = "";
    this.start = this.#given;
    this.draw();
  }

  #valuesChanged() {
    if (this.graph && this.get("values") !== this.#trainedTo) this.#restart();
    else this.draw();
  }

  #set(name, x) {
    this.stop();
    this.save({ values: { ...this.#given, [name]: x } });
  }

  #train(name, on) {
    const others = this.#weights.filter((other) => other !== name);
    this.save({ trained: this.graph.variables.filter((one) => others.includes(one) || (on && one === name)) });
  }

  // ---- steps -----------------------------------------------------------------------------------

  #go(step) {
    this.question.close();
    this.#report = "";
    this.save({ step });
    this.draw();
  }

  #back() {
    if (this.question.open) return;
    const next = this.walk.next(this.#step);
    if (this.get("ask") && next) this.question.ask(next, this.walk.values, this.#weights);
    else this.#go(this.#step + 1);
  }

  #answered(praise) {
    this.#praise = praise;
    this.#go(this.#step + 1);
    this.#praise = "";
    this.steps.back.focus();
  }

  /** Go to a step: one at a time to watch, or at once for readers who want no motion. */
  #play(to) {
    if (this.#timer) return this.stop();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.#go(to);
    const next = () => {
      this.#go(this.#step + 1);
      if (this.#step >= to) this.stop();
    };
    this.#timer = setInterval(next, MS_PER_STEP);
    return next();
  }

  stop() {
    this.question.close();
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #startOver() {
    this.stop();
    this.save({ step: 0, values: { ...this.start } });
    this.#restart();
  }

  /** Gradient descent: so many steps, or fewer where a number cannot be computed any more. */
  #descend(steps) {
    this.stop();
    const [before, lr] = [this.walk, this.get("lr")];
    let now = before;
    if (!this.#losses.length) this.#losses.push(now.result);
    for (let i = 0; i < steps && !now.fault; i++) {
      now = new Walk(this.graph, descend(this.graph, now.given, now.gradients, this.#weights, lr), this.#weights);
      if (!now.fault) this.#losses.push(now.result);
    }
    this.#report = trainingSentence(before, now, { losses: this.#losses, steps, lr });
    this.#trainedTo = now.given;
    this.save({ values: now.given, step: now.last });
    this.draw();
  }

  // ---- drawing ---------------------------------------------------------------------------------

  draw() {
    if (!this.graph) return;
    const [given, weights] = [this.#given, this.#weights];
    this.walk = new Walk(this.graph, given, weights);
    const [walk, step] = [this.walk, this.#step];
    const stuck = Boolean(walk.fault);
    const state = walk.at(step);
    this.picture.draw(state);
    this.table.draw(state);
    this.variables.draw({ names: this.graph.variables, given, trained: weights });
    const fault = stuck && step === walk.turn ? `${walk.fault.message} Change the numbers or the formula.` : "";
    this.message.textContent = this.fault?.message ?? fault;
    this.count.textContent = walk.count(step);
    this.sentence.textContent = `${this.#praise}${walk.sentence(step)}`;
    const off = (one, is) => (one.ariaDisabled = String(is));
    off(this.steps.forward, step >= walk.turn);
    off(this.steps.allForward, step >= walk.turn);
    off(this.steps.back, stuck || step < walk.turn || step >= walk.last);
    off(this.steps.allBack, stuck || step >= walk.last);
    for (const one of this.trainButtons) off(one, stuck || !weights.length);
    this.askBox.checked = this.get("ask");
    this.#drawExample();
    this.rate.set(this.get("lr"));
    this.report.textContent = weights.length ? this.#report : "No variable is marked as a weight, so there is nothing to train.";
    this.curve.draw(this.#losses);
  }

  #drawExample() {
    const same = ({ expression, values }) => expression === this.get("expression") && this.graph.variables.every((name) => values[name] === this.start[name]);
    const chosen = EXAMPLES.find(same);
    this.chips.forEach((chip, i) => chip.setAttribute("aria-pressed", String(EXAMPLES[i] === chosen)));
    this.notice.textContent = chosen?.notice ?? "";
  }
}

// The explorable `forward`: draw a digit and follow the forward pass, layer by layer. Chapter 01.
//
// Key idea: nothing is looked up. The page holds the weights of the course's networks and computes
// every number that it shows, so a drawing that is in no data set is classified like any other picture.
// State: networks, network, pixels, fit, neuron, stage, examples.

import { button, radios } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { FULL, picture, shifted, SIDE } from "./drawing.mjs";
import { explorable, Part, react } from "../shared/explorable.mjs";
import { account, answer, explain, number, stages } from "./sentences.mjs";
import { DigitsView, lookUpColoursIn, NeuronsView, PadView, PictureView, StencilView } from "./views.mjs";
import { Network } from "./network.mjs";
import { best } from "../shared/softmax.mjs";

const MOVES = { left: ["←", -1, 0], right: ["→", 1, 0], up: ["↑", 0, -1], down: ["↓", 0, 1] };

class Forward extends Part {
  #id = `gf-${Math.random().toString(36).slice(2, 8)}`;
  #label = null; // what the writer of an example meant
  #saying = 0; // a timer: screen readers are told when the pen rests

  constructor(model) {
    super(model);
    this.#build();
    this.#load();
  }

  #build() {
    this.pad = new PadView((strokes) => this.#drawn(strokes));
    this.hint = element("span", { "aria-hidden": "true" }, "with mouse or finger");
    this.picture = new PictureView((place, ink) => this.#ink(place, ink));
    this.fit = element("input", { type: "checkbox" });
    this.fit.addEventListener("change", () => {
      this.save({ fit: this.fit.checked });
      if (this.pad.strokes.length) this.#drawn(this.pad.strokes);
    });
    this.examples = element("div", { className: "gf-examples" });
    this.networks = element("div");
    this.reading = element("p", { className: "gf-answer" });
    this.news = element("p", { className: "gx-news", role: "status" });
    this.back = button("Back", () => this.#go(-1));
    this.next = button("Next", () => this.#go(1));
    this.stageName = element("p", { className: "gx-title" });
    this.sentence = element("p", { id: `${this.#id}-sentence`, className: "gf-sentence" });
    this.neurons = new NeuronsView((neuron) => this.save({ neuron }));
    this.neuronsTitle = element("p", { className: "gx-title" });
    this.weights = new StencilView("weights");
    this.products = new StencilView("weight × ink");
    this.sum = element("p", { className: "gf-sum" });
    this.digits = new DigitsView();
    const moves = Object.entries(MOVES).map(([name, [arrow, ...by]]) => {
      const move = button(arrow, () => this.#shift(...by));
      move.setAttribute("aria-label", `Move the picture ${name}`);
      return move;
    });
    this.el = element(
      "section",
      { className: "gx gf", "aria-label": "Draw a digit and follow its forward pass" },
      element(
        "div",
        { className: "gf-top" },
        element(
          "div",
          { className: "gf-draw" },
          element("p", { className: "gx-title" }, "Draw here"),
          element("div", { className: "gf-frame" }, this.pad.el, this.hint),
          element("label", { className: "gf-check" }, this.fit, "Fit to the frame, as in the data set"),
        ),
        element(
          "div",
          { className: "gf-read" },
          element("p", { className: "gx-title" }, "Network input"),
          this.picture.el,
          element("p", { className: "gx-note" }, "8 × 8 pixels. Click one, or use arrow keys and Space."),
        ),
        element("div", { className: "gf-said" }, element("p", { className: "gx-title" }, "Prediction"), this.digits.el),
      ),
      this.reading,
      this.news,
      element("div", { className: "gx-controls" }, button("Clear", () => this.#clear()), ...moves, this.networks),
      this.examples,
      element(
        "div",
        { className: "gf-way" },
        element("div", { className: "gx-controls" }, this.next, this.back, this.stageName),
        this.sentence,
        this.neuronsTitle,
        this.neurons.el,
        element("div", { className: "gf-stencils" }, this.weights.el, this.products.el, this.sum),
      ),
    );
  }

  // ---- what is known elsewhere -----------------------------------------------------------------

  /** Follow the model's state until `signal` says that the page no longer needs this. */
  follow(signal) {
    const draw = () => this.#draw();
    const load = () => this.#load();
    const loads = ["networks", "network", "examples"].map((name) => [`change:${name}`, load]);
    const draws = ["pixels", "neuron", "stage", "fit"].map((name) => [`change:${name}`, draw]);
    react(this.model, [...loads, ...draws], signal);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    const theme = new MutationObserver(draw); // canvases do not follow the page's colours themselves
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    theme.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
    draw(); // on the page now, where colours are known
    signal.addEventListener("abort", () => {
      dark.removeEventListener("change", draw);
      theme.disconnect();
      clearTimeout(this.#saying);
    });
  }

  #load() {
    const networks = this.get("networks");
    const names = Object.keys(networks);
    const chosen = names.includes(this.get("network")) ? this.get("network") : names[0];
    this.network = new Network(networks[chosen]);
    this.stages = stages(this.network);
    if (`${names}` !== this.known) {
      this.known = `${names}`;
      const options = names.map((name) => [name, name]);
      this.choices = radios("Network", options, (name) => this.#chooseNetwork(name), { className: "gf-networks", option: "gf-check" });
      this.networks.replaceChildren(this.choices.el);
    }
    this.choices.set(chosen);
    this.networks.hidden = names.length < 2;
    const examples = this.get("examples");
    const chip = ({ label, pixels }, i) => {
      const name = `Example ${i + 1}, meant as ${label}`;
      const made = element("button", { type: "button", className: "gx-chip", "aria-label": name }, `${label}`);
      made.addEventListener("click", () => this.#show(pixels, label));
      return made;
    };
    const row = (title, chosen) =>
      element(
        "div",
        { className: "gx-chips", role: "group", "aria-label": title },
        element("span", { className: "gx-note", "aria-hidden": "true" }, title),
        ...chosen,
      );
    const chips = examples.map(chip);
    const known = chips.filter((_, i) => !examples[i].hard);
    const hard = chips.filter((_, i) => examples[i].hard);
    const rows = [["From the test set", known], ["Hard examples", hard]].filter(([, some]) => some.length);
    this.examples.replaceChildren(...rows.map((one) => row(...one)));
    this.#draw();
  }

  // ---- what the reader does --------------------------------------------------------------------

  #show(pixels, label) {
    this.pad.clear();
    this.#label = label;
    this.save({ pixels });
    this.#say();
  }

  #clear() {
    this.#show(new Array(SIDE * SIDE).fill(0), null);
  }

  #drawn(strokes) {
    this.#label = null;
    this.pad.draw();
    this.save({ pixels: picture(strokes, this.get("fit")) });
    this.#say();
  }

  #ink(place, ink) {
    this.pad.clear();
    this.#label = null;
    this.save({ pixels: this.get("pixels").with(place, ink) });
    this.#say();
  }

  #shift(right, down) {
    this.pad.clear();
    this.save({ pixels: shifted(this.get("pixels"), right, down) });
    this.#say();
  }

  #chooseNetwork(network) {
    const n = this.get("networks")[network].biases[0].length;
    this.save({ network, neuron: Math.min(this.get("neuron"), n - 1), stage: -1 });
    this.#say();
  }

  /** The place among the stages; -1 stands for the last, so that the whole answer shows at first. */
  get #stage() {
    const stage = this.get("stage");
    return stage < 0 ? this.stages.length - 1 : Math.min(stage, this.stages.length - 1);
  }

  #go(by) {
    const last = this.stages.length - 1;
    const to = by > 0 && this.#stage === last ? 0 : Math.max(0, this.#stage + by);
    this.save({ stage: to });
    this.news.textContent = this.sentence.textContent;
  }

  /** Tell screen readers what is predicted now, once the pen rests. */
  #say() {
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => (this.news.textContent = this.reading.textContent), 400);
  }

  // ---- what is shown ---------------------------------------------------------------------------

  #draw() {
    lookUpColoursIn(this.el);
    const pixels = this.get("pixels");
    const run = this.network.run(pixels.map((ink) => ink / FULL));
    const reached = (stage) => this.stages.indexOf(stage) <= this.#stage;
    const neuron = Math.min(this.get("neuron"), this.network.biases[0].length - 1);
    const stage = this.stages[this.#stage];
    this.fit.checked = this.get("fit");
    this.hint.hidden = this.pad.strokes.length > 0;
    this.pad.draw();
    this.picture.draw(pixels);
    this.reading.textContent = reached("probabilities")
      ? answer(pixels, run, this.#label)
      : "Not computed yet. Press Next to continue the forward pass.";
    this.next.textContent = stage === "probabilities" ? "Step through the forward pass" : "Next";
    this.back.hidden = this.#stage === 0 || stage === "probabilities";
    this.stageName.textContent = `Stage ${this.#stage + 1} of ${this.stages.length}`;
    this.sentence.textContent = explain(stage, this.network, pixels, run, neuron);
    this.digits.draw(
      reached("logits") ? run.logits : null,
      reached("probabilities") ? run.probabilities : null,
      reached("probabilities") ? best(run.probabilities) : -1,
    );
    this.#drawNeurons(pixels, run, neuron, reached);
  }

  #drawNeurons(pixels, run, neuron, reached) {
    const hidden = this.network.hasHidden;
    const sums = Array.from(run.sums[0]);
    const known = reached(hidden ? "sums" : "logits");
    const shown = hidden && reached("relu") ? Array.from(run.hidden) : sums;
    this.neuronsTitle.textContent = hidden
      ? `The hidden layer${reached("relu") ? ", after ReLU" : ""}: choose a neuron`
      : "One neuron per digit: choose one";
    const name = (i) => (hidden ? `Neuron ${i + 1}` : `The neuron for ${i}`);
    this.neurons.draw(
      this.neuronsTitle.textContent,
      known ? shown : shown.map(() => NaN),
      neuron,
      name,
    );
    const stencil = this.network.stencil(neuron);
    const largest = Math.max(...stencil.map(Math.abs));
    const peak = best(stencil);
    const place = (i) => `row ${Math.floor(i / SIDE) + 1}, column ${(i % SIDE) + 1}`;
    this.weights.draw(stencil, largest, `Weights of ${name(neuron)}, the largest ${number(stencil[peak])} in ${place(peak)}`);
    const products = stencil.map((weight, i) => (weight * pixels[i]) / FULL);
    const positive = products.filter((product) => product > 0).length;
    const negative = products.filter((product) => product < 0).length;
    this.products.draw(products, largest, `Weight times ink: positive in ${positive} pixels, negative in ${negative}`);
    this.sum.textContent = known ? `${name(neuron)}: ${account(this.network, pixels, run, neuron)}` : "";
  }
}

export default explorable((model) => new Forward(model));

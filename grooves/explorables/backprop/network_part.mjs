// The second part of the explorable `backprop`: a small network learns, and its path is drawn.
//
// Key idea: the page shows one run; a choice of data, size or seed starts another. The loss surface
// is computed a few rows per frame while the run goes on, so the page never freezes.
// Chapter 02.

import { Training, weightNames } from "./classifier.mjs";
import { button, choice, rateSlider, slider } from "../shared/controls.mjs";
import { element, resize } from "../shared/dom.mjs";
import { Part } from "../shared/explorable.mjs";
import { RegionsView, SurfaceView } from "./network_views.mjs";
import { SETS, points } from "./points.mjs";
import { show } from "./step_sentences.mjs";
import { Surface, plane, project } from "./surface.mjs";
import { Curve } from "../shared/svg.mjs";

const STEPS_PER_FRAME = 2;
const ROWS_PER_FRAME = 2; // of the loss surface
const AT_ONCE = 200; // steps per press, for readers who want no motion

export class NetworkPart extends Part {
  #frame = null;
  #surface = null; // that is being computed

  constructor(model) {
    super(model);
    this.reactions = Object.fromEntries(
      ["points", "hidden", "activation", "seed"].map((name) => [`change:${name}`, () => this.#begin()]),
    );
    this.reactions["change:rate"] = this.reactions["change:momentum"] = () => this.#drawControls();
    this.reactions["change:plane"] = this.reactions["change:axes"] = () => this.draw();
    this.#build();
    this.#begin();
  }

  // ---- what is on the page ---------------------------------------------------------------------

  #build() {
    this.playButton = button("Play", () => this.#play());
    this.stepButton = button("One step", () => this.#advance(1));
    this.againButton = button("Start over", () => this.#begin());
    this.seedButton = button("Other initial weights", () => this.save({ seed: this.get("seed") + 1 }));
    const names = { moons: "two moons", circles: "a ring around a disc", xor: "four squares (XOR)" };
    this.set = choice("Points", SETS.map((set) => [set, names[set]]), (value) => this.save({ points: value }));
    this.activation = choice("Activation", [["tanh", "tanh"], ["relu", "ReLU"]], (value) => this.save({ activation: value }));
    this.hidden = slider("Hidden neurons", { min: 1, max: 16, step: 1 }, (n) => this.save({ hidden: n }));
    this.rate = rateSlider("Learning rate", { min: -2, max: 2 }, (rate) => this.save({ rate }), show);
    this.momentum = slider("Momentum", { min: 0, max: 0.95, step: 0.05 }, (n) => this.save({ momentum: n }));
    this.state = element("p", { className: "gb-sentence" });
    this.news = element("p", { className: "gx-news", role: "status" });
    this.curve = new Curve(show);
    this.regions = new RegionsView();
    this.land = new SurfaceView();
    const planes = [["path", "along the path"], ["random", "two random directions"], ["weights", "two weights"]];
    this.plane = choice("Plane", planes, (value) => this.save({ plane: value }));
    this.axes = ["across", "up"].map((name, axis) =>
      choice(name, [], (value) => this.save({ axes: this.get("axes").map((old, i) => (i === axis ? Number(value) : old)) })),
    );
    this.about = element("p", { className: "gx-note" });
    const titled = (title, ...children) => element("div", {}, element("p", { className: "gx-title" }, title), ...children);
    this.el = element(
      "div",
      { className: "gb-part", role: "group", "aria-label": "A network that learns" },
      element("p", { className: "gx-note" }, "Backpropagation gives every weight of this network its gradient, and all are updated at once."),
      element("div", { className: "gx-controls" }, this.playButton, this.stepButton, this.againButton, this.seedButton),
      element("div", { className: "gb-settings" }, this.set.el, this.activation.el, this.hidden.el, this.rate.el, this.momentum.el),
      this.state,
      this.news,
      element(
        "div",
        { className: "gb-halves" },
        titled(
          "Decision regions",
          this.regions.el,
          element("p", { className: "gx-note" }, "Circles and squares are the two classes; the colour shows the predicted probability."),
          element("p", { className: "gx-title" }, "Loss at each step"),
          this.curve.el,
        ),
        titled("Loss surface around the weights", this.land.el, element("div", { className: "gb-settings" }, this.plane.el, ...this.axes.map(({ el }) => el)), this.about),
      ),
    );
  }

  // ---- training --------------------------------------------------------------------------------

  #begin() {
    this.stop();
    const [hidden, activation, seed] = ["hidden", "activation", "seed"].map((name) => this.get(name));
    this.training = new Training(points(this.get("points")), { hidden, activation, seed });
    this.draw();
    this.#tell("Not trained yet. ");
  }

  #play() {
    if (this.#frame) {
      this.stop();
      this.#tell();
    } else if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.#advance(AT_ONCE);
    } else {
      this.#frame = requestAnimationFrame(() => this.#next());
      this.#drawControls();
    }
  }

  #next() {
    this.#walk(STEPS_PER_FRAME);
    if (this.training.diverged) {
      this.stop();
      this.#tell();
      return;
    }
    this.#drawTraining();
    this.#surface ??= new Surface(this.#plane(), this.training);
    for (let row = 0; row < ROWS_PER_FRAME && !this.#surface.finished; row++) this.#surface.advance();
    if (this.#surface.finished) this.#drawLand();
    this.#frame = requestAnimationFrame(() => this.#next());
  }

  #walk(steps) {
    for (let i = 0; i < steps; i++) this.training.step(this.get("rate"), this.get("momentum"));
  }

  #advance(steps) {
    this.stop();
    this.#walk(steps);
    this.draw();
    this.#tell();
  }

  stop() {
    if (!this.#frame) return;
    cancelAnimationFrame(this.#frame);
    this.#frame = null;
    this.draw();
  }

  // ---- drawing ---------------------------------------------------------------------------------

  /** Everything, the loss surface in one go: on a pause there is time for it. */
  draw() {
    this.#drawControls();
    this.#drawTraining();
    if (this.training.diverged) return;
    this.#surface = new Surface(this.#plane(), this.training);
    while (!this.#surface.finished) this.#surface.advance();
    this.#drawLand();
  }

  #plane() {
    const most = this.training.weights.length - 1;
    const two = this.get("axes").map((place) => Math.min(place, most));
    return plane(this.get("plane"), this.training, { two: two[0] === two[1] ? [two[0], two[0] ? 0 : 1] : two, seed: this.get("seed") });
  }

  #drawLand() {
    const { path, weights, loss } = this.training;
    this.land.draw(this.#surface, project(this.#surface.plane, [...path, weights]), loss);
    this.#surface = null;
  }

  #drawTraining() {
    if (!this.training.diverged) this.regions.draw(this.training);
    this.curve.draw(this.training.losses);
    this.state.textContent = this.#sentence();
  }

  #sentence() {
    const { losses, loss, steps, diverged, points: { labels } } = this.training;
    if (diverged) return `Step ${steps}: the loss is no longer a finite number, because the steps were too large. Lower the learning rate and start over.`;
    const right = Math.round(this.training.judge().accuracy * labels.length);
    const higher = steps > 0 && loss > losses[0] ? " That is more than at the start: the steps are too large." : "";
    return `Step ${steps}: loss ${show(loss)} nats, ${right} of ${labels.length} points classified correctly.${higher}`;
  }

  #tell(before = "") {
    this.news.textContent = `${before}${this.#sentence()}`;
  }

  #drawControls() {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.playButton.textContent = this.#frame ? "Pause" : still ? `Train ${AT_ONCE} steps` : "Play";
    for (const [control, name] of [[this.set, "points"], [this.activation, "activation"], [this.plane, "plane"]]) control.input.value = this.get(name);
    this.hidden.set(this.get("hidden"), String(this.get("hidden")));
    this.rate.set(this.get("rate"));
    this.momentum.set(this.get("momentum"), this.get("momentum").toFixed(2));
    const names = weightNames(this.get("hidden"));
    this.axes.forEach(({ el, input }, axis) => {
      el.hidden = this.get("plane") !== "weights";
      resize(input, names.length, (i) => element("option", { value: i })).forEach((option, i) => (option.textContent = names[i]));
      input.value = Math.min(this.get("axes")[axis], names.length - 1);
    });
    this.about.textContent = ABOUT[this.get("plane")](names.length);
  }
}

const ABOUT = {
  path: (n) => `A plane in a space of ${n} weights, through three points of the path: the start (white), the current point, and the one farthest from the line between them. The rest of the path is projected onto it.`,
  random: (n) => `A plane in a space of ${n} weights, through the current point in two random directions, scaled neuron by neuron to the weights. Little of the path is visible, because it hardly moves in random directions.`,
  weights: (n) => `Two of the ${n} weights, with all others as they are now. The path is projected onto this plane.`,
};

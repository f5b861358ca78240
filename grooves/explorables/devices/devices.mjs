// The explorable `devices`: a cluster to build, who waits for whom, and what that costs. Chapter 13.
//
// Key idea: every way of dividing a model makes devices wait for something else; a timeline of one
// step shows for what, and the same numbers say what one user and many get.
// State: models, devices, links, constants; model, device, inside, between, n, tensor, pipeline,
// zero, micro, recompute, batch, experiment, asks, guesses.

import { choice, radios, slider } from "../shared/controls.mjs";
import { element, resize } from "../shared/dom.mjs";
import { Experiments, place } from "../shared/before_after.mjs";
import { explorable, Part, react } from "../shared/explorable.mjs";
import { shape } from "../shared/svg.mjs";
import { Tabs } from "../shared/tabs.mjs";
import { quantity } from "../shared/units.mjs";
import { step, token, whyInvalid } from "./cluster.mjs";
import { EXPERIMENTS, START } from "./experiments.mjs";
import { doesNotFit, FIGURES, MEASURES, percent, question, verdict, waits } from "./sentences.mjs";
import { bars, label } from "./timeline.mjs";

const SETTINGS = Object.keys(START);
const NAMES = [...SETTINGS, "experiment", "asks", "guesses"];
const PER_SERVER = 8;
const POWERS = (most) => Array.from({ length: Math.log2(most) + 1 }, (_, i) => 2 ** i);
const SLIDERS = [
  ["n", "Devices", POWERS(64), (n) => (n === 1 ? "1 device" : `${n} devices`)],
  ["tensor", "Share each matrix", POWERS(8), (n) => (n === 1 ? "undivided" : `${n} devices`)],
  ["pipeline", "Share the layers", POWERS(16), (n) => (n === 1 ? "undivided" : `${n} stages`)],
  ["zero", "ZeRO", [0, 1, 2, 3], (stage) => (stage ? `stage ${stage}` : "none")],
  ["batch", "Batch size", POWERS(1024), (n) => `${n} sequence${n === 1 ? "" : "s"}`],
  ["micro", "Micro-batches", POWERS(256), (n) => `${n} in turn`],
];
const RECOMPUTE = [["selective", "Attention’s scores"], ["full", "Everything"]];
const KINDS = [["forward", "forward pass"], ["backward", "backward pass"], ["added", "adding up layers"], ["data", "gradients or weights, not hidden"], ["optimizer", "optimizer"], ["idle", "waiting"]];
const ORDER = "Drawn with all forward passes before the backward passes, and more than 16 micro-batches as one bar. Memory is counted for the order in which they alternate: it leaves as many slots idle, and has fewer micro-batches in memory.";
const [WIDTH, ROW, GAP, LEFT] = [720, 22, 6, 146]; // of the timeline, in its own pixels

class Devices extends Part {
  #saying = 0;

  constructor(model) {
    super(model);
    this.#build();
  }

  #build() {
    const named = (rows) => this.get(rows).map(({ name }) => [name, name]);
    this.experiments = new Experiments(this, EXPERIMENTS, "Before and after the change", {
      before: (key) => ({ ...START, ...EXPERIMENTS[key].before }),
      after: (key) => ({ ...START, ...EXPERIMENTS[key].after }),
      values: (key) => this.#compared(key),
      right: ({ cuts }, before, after) => place(cuts, after / before),
      question,
      verdict,
      show: ({ measure }, value) => MEASURES[measure].show(value),
      draw: () => this.#draw(),
      tell: (text) => (this.news.textContent = text),
    });
    this.choices = [["model", "Model", "models"], ["device", "Device", "devices"], ["inside", "In a server", "links"], ["between", "Between servers", "links"]].map(([name, title, rows]) => [name, choice(title, named(rows), (value) => this.#turn({ [name]: value }))]);
    this.sliders = SLIDERS.map(([name, title, values, says]) => [name, values, says, slider(title, { min: 0, max: values.length - 1, step: 1 }, (place) => this.#turn({ [name]: values[place] }))]);
    this.recompute = radios("Recomputed in the backward pass", RECOMPUTE, (recompute) => this.#turn({ recompute }), { titled: true, className: "gx-radios gd-recompute" });
    this.tabs = new Tabs("Predict a change, or build a cluster", [
      ["1. Predict", ...this.experiments.elements],
      ["2. Build", element("div", { className: "gd-choices" }, ...this.choices.map(([, { el }]) => el)), element("div", { className: "gd-sliders" }, ...this.sliders.map(([, , , { el }]) => el)), this.recompute.el],
    ]);
    this.figures = element("tbody");
    const figures = element("table", { className: "gd-figures" }, element("caption", { className: "gx-title" }, "As predicted"), this.figures);
    this.message = element("p", { className: "gd-message" });
    this.timeline = shape("svg", { class: "gd-timeline", role: "img" });
    const legend = element("ul", { className: "gd-legend" }, ...KINDS.map(([kind, name]) => element("li", {}, element("span", { className: `gd-swatch gd-${kind}`, "aria-hidden": "true" }), name)));
    this.who = element("p", { className: "gd-who" });
    this.rows = element("tbody");
    const head = ["Part of the step", "time", "of the step"].map((text) => element("th", { scope: "col" }, text));
    this.news = element("p", { className: "gx-news", role: "status" });
    this.el = element(
      "section",
      { className: "gx gd", "aria-label": "A cluster to build: who waits for whom" },
      element("div", { className: "gd-top" }, element("div", {}, ...this.tabs.elements), figures),
      this.message,
      legend,
      element("div", { className: "gd-frame" }, this.timeline),
      this.who,
      element("details", { className: "gx-numbers" }, element("summary", {}, "The step in numbers"), element("p", { className: "gx-note" }, ORDER), element("div", { className: "gx-table", role: "region", "aria-label": "The step in numbers", tabIndex: 0 }, element("table", {}, element("thead", {}, element("tr", {}, ...head)), this.rows))),
      this.news,
    );
  }

  follow(signal) {
    const draw = () => this.#draw();
    react(this.model, NAMES.map((name) => [`change:${name}`, draw]), signal);
    draw();
    signal.addEventListener("abort", () => clearTimeout(this.#saying));
  }

  // ---- what the reader does --------------------------------------------------------------------

  #turn(changes) {
    this.save(changes);
    clearTimeout(this.#saying);
    this.#saying = setTimeout(() => (this.news.textContent = `${this.message.textContent} ${this.who.textContent}`), 600);
  }

  // ---- what is computed ------------------------------------------------------------------------

  /** The cluster, the plan and, where it can be executed, the step and a token. */
  #predicted(settings) {
    const row = (rows, name) => this.get(rows).find((one) => one.name === name) ?? this.get(rows)[0];
    const model = row("models", settings.model);
    const links = { inside: row("links", settings.inside), between: row("links", settings.between) };
    const cluster = { ...row("devices", settings.device), ...links, n: settings.n, perServer: PER_SERVER, constants: this.get("constants") };
    const { tensor, pipeline, micro, zero, recompute } = settings;
    const plan = { data: settings.n / tensor / pipeline, tensor, pipeline, micro, zero, recompute };
    const reason = whyInvalid(model, cluster, plan, settings.batch);
    if (reason) return { model, cluster, plan, reason };
    return { model, cluster, plan, reason, step: step(model, cluster, plan, settings.batch), token: token(model, cluster, settings.n), many: token(model, cluster, settings.n, 64) };
  }

  #compared(key) {
    const { before, after, measure } = EXPERIMENTS[key];
    return [before, after].map((changes) => MEASURES[measure].of(this.#predicted({ ...START, ...changes })));
  }

  // ---- what is shown ---------------------------------------------------------------------------

  #draw() {
    const settings = Object.fromEntries(SETTINGS.map((name) => [name, this.get(name)]));
    const found = this.#predicted(settings);
    this.experiments.draw();
    this.#drawSettings(settings);
    const over = !found.reason && found.step.bytes > found.cluster.memory;
    this.message.textContent = found.reason ?? (over ? `Does not fit: ${doesNotFit(found, found.plan)}` : `${found.plan.data} × ${found.plan.tensor} × ${found.plan.pipeline}: the batch is divided by ${found.plan.data}, each matrix by ${found.plan.tensor}, the layers by ${found.plan.pipeline}.`);
    this.message.classList.toggle("gd-refused", Boolean(found.reason) || over);
    this.#drawFigures(found);
    this.#drawTimeline(found);
    this.who.textContent = found.reason ? "" : waits(found, found.plan);
    this.#drawNumbers(found);
  }

  #drawSettings(settings) {
    for (const [name, { input }] of this.choices) input.value = settings[name];
    for (const [name, values, says, { set }] of this.sliders) set(Math.max(0, values.indexOf(settings[name])), says(settings[name]));
    this.recompute.set(settings.recompute);
  }

  #drawFigures(found) {
    const lines = resize(this.figures, FIGURES.length, () => element("tr", {}, element("th", { scope: "row" }), element("td")));
    FIGURES.forEach(([name, text], i) => {
      lines[i].children[0].textContent = name;
      lines[i].children[1].textContent = found.reason ? "–" : text(found);
    });
  }

  #drawTimeline({ reason, step: one, plan }) {
    if (reason) {
      this.timeline.setAttribute("viewBox", `0 0 ${WIDTH} 40`);
      this.timeline.setAttribute("aria-label", "No timeline: this plan cannot be executed");
      this.timeline.replaceChildren(shape("text", { x: WIDTH / 2, y: 25, "text-anchor": "middle" }, "no timeline"));
      return;
    }
    const stages = bars(one, plan);
    const height = stages.length * (ROW + GAP) + 26;
    const x = (seconds) => LEFT + (seconds / one.seconds) * (WIDTH - LEFT - 4);
    const parts = stages.flatMap((made, stage) => {
      const y = stage * (ROW + GAP);
      const back = shape("rect", { x: LEFT, y, width: WIDTH - LEFT - 4, height: ROW, class: "gd-idle" });
      const drawn = made.map(({ kind, start, end }) => shape("rect", { x: x(start).toFixed(2), y, width: Math.max(0.6, x(end) - x(start) - 0.5).toFixed(2), height: ROW, class: `gd-${kind}` }));
      return [shape("text", { x: LEFT - 6, y: y + 16, "text-anchor": "end" }, label(stage, plan)), back, ...drawn];
    });
    const base = height - 8;
    parts.push(shape("text", { x: LEFT, y: base }, "0"), shape("text", { x: WIDTH - 4, y: base, "text-anchor": "end" }, quantity(one.seconds, "s")));
    this.timeline.setAttribute("viewBox", `0 0 ${WIDTH} ${height}`);
    this.timeline.setAttribute("aria-label", `Timeline of a step of ${quantity(one.seconds, "s")}, a row for each of ${stages.length} stages; ${percent(one.bubbleShare)} idle in the bubble, ${percent(one.sentShare)} waiting for messages`);
    this.timeline.replaceChildren(...parts);
  }

  #drawNumbers({ reason, step: one }) {
    const parts = reason ? [] : [["computing", one.compute], ["adding up layers", one.added], ["bubble", one.bubble], ["gradients or weights, not hidden", one.data], ["optimizer", one.optimizer]];
    const lines = resize(this.rows, parts.length, () => element("tr", {}, element("th", { scope: "row" }), element("td"), element("td")));
    parts.forEach(([name, seconds], i) => [name, quantity(seconds, "s"), percent(seconds / one.seconds)].forEach((text, column) => (lines[i].children[column].textContent = text)));
  }
}

export default explorable((model) => new Devices(model));

// The explorable `serving`: a server's requests as a timetable, and what its policy costs them.
// Chapter 09.
//
// Key idea: the same requests are served with both policies, so their latencies can be compared; the
// reader predicts what a change will do before it is made.
// State: policy, load, batch, blocks, budget, drafts, acceptance, prompts, seed, first, experiment,
// cost, asks, guesses.

import { button, choice, radios, slider } from "../shared/controls.mjs";
import { element, resize } from "../shared/dom.mjs";
import { Experiments, place } from "../shared/before_after.mjs";
import { explorable, Part, react } from "../shared/explorable.mjs";
import { Tabs } from "../shared/tabs.mjs";
import { BLOCK_SIZE, simulate } from "./batching.mjs";
import { EXPERIMENTS, START } from "./experiments.mjs";
import { summary } from "./latency.mjs";
import { arriving, capacity, drawn, N_REQUESTS, PROMPTS } from "./requests.mjs";
import { cells, FIGURES, news, question, says, verdict } from "./sentences.mjs";
import { LEGEND, ROWS, Timetable } from "./timetable.mjs";
import { quantity } from "../shared/units.mjs";

const POLICIES = [["continuous", "Continuous"], ["static", "Static"]];
const SETTINGS = Object.keys(START);
const NAMES = [...SETTINGS, "seed", "first", "experiment", "cost", "asks", "guesses"];
const HEADS = ["Request", "arrives", "prompt", "first token after", "end after", "tokens", "preempted"];

// Of each slider: its name, the label, and the values at its places.
const SLIDERS = [
  ["load", "Load", Array.from({ length: 23 }, (_, i) => (10 + 5 * i) / 100)],
  ["batch", "Batch size", [1, 2, 4, 8, 16, 32]],
  ["budget", "Budget", [32, 64, 128, 256, null]],
  ["blocks", "KV cache", [48, 64, 96, 128, 192, 320, 640]],
  ["drafts", "Drafts", [0, 1, 2, 3, 4, 6, 8]],
  ["acceptance", "Accepted", Array.from({ length: 18 }, (_, i) => (10 + 5 * i) / 100)],
];

class Serving extends Part {
  #kept = new Map(); // summaries and traces by settings
  #saying = 0; // a timer: screen readers are told when a slider rests

  constructor(model) {
    super(model);
    this.timetable = new Timetable();
    this.#build();
  }

  #build() {
    this.experiments = new Experiments(this, EXPERIMENTS, "Before and after the change", {
      before: (key) => ({ ...START, ...EXPERIMENTS[key].before, first: this.#worst(key) }),
      after: (key) => ({ ...START, ...EXPERIMENTS[key].after }),
      values: (key) => this.#compared(key),
      right: ({ cuts }, before, after) => place(cuts, after / before),
      noted: () => ({ seed: this.get("seed") }),
      question,
      verdict,
      show: (_, value) => quantity(value, "s"),
      draw: () => this.#draw(),
      tell: (text) => (this.news.textContent = text),
    });
    this.policy = radios("Batching", POLICIES, (policy) => this.#turn({ policy }));
    this.sliders = SLIDERS.map(([name, label, values]) => [name, values, slider(label, { min: 0, max: values.length - 1, step: 1 }, (place) => this.#turn({ [name]: values[place] }))]);
    this.prompts = choice("Prompts", PROMPTS, (prompts) => this.#turn({ prompts }));
    this.more = button("Other requests", () => this.#turn({ seed: this.get("seed") + 1 }));
    this.tabs = new Tabs("Predict a change, or choose the settings", [
      ["1. Predict", ...this.experiments.elements],
      ["2. Settings", this.policy.el, element("div", { className: "gv-sliders" }, ...this.sliders.map(([, , { el }]) => el)), element("div", { className: "gv-row" }, this.prompts.el, this.more)],
    ]);
    this.heads = POLICIES.map(([, name]) => element("th", { scope: "col" }, name));
    this.figures = element("tbody");
    const figures = element("table", { className: "gv-figures" }, element("caption", { className: "gx-title" }, `${N_REQUESTS} requests with both policies`), element("thead", {}, element("tr", {}, element("td"), ...this.heads)), this.figures);
    this.first = slider("First request shown", { min: 0, max: N_REQUESTS - ROWS, step: 1 }, (first) => this.#turn({ first }));
    this.legend = element("ul", { className: "gv-legend" }, ...LEGEND.map(([className, name]) => element("li", {}, element("span", { className: `gv-swatch ${className}`, "aria-hidden": "true" }), name)));
    this.rows = element("tbody");
    const table = element("table", {}, element("thead", {}, element("tr", {}, ...HEADS.map((head) => element("th", { scope: "col" }, head)))), this.rows);
    this.cost = element("p", { className: "gx-note" });
    this.news = element("p", { className: "gx-news", role: "status" });
    this.el = element(
      "section",
      { className: "gx gv", "aria-label": "A server’s timetable: static and continuous batching" },
      element("div", { className: "gv-top" }, element("div", {}, ...this.tabs.elements), figures),
      this.legend,
      this.timetable.el,
      element("div", { className: "gv-under" }, this.first.el),
      element("details", { className: "gx-numbers" }, element("summary", {}, "These requests in numbers, and what a step costs"), this.cost, element("div", { className: "gx-table", role: "region", "aria-label": "The requests shown, in numbers", tabIndex: 0 }, table)),
      this.news,
    );
  }

  // ---- what is known elsewhere -----------------------------------------------------------------

  /** Follow the model's state until `signal` says that the page has no use for this any more. */
  follow(signal) {
    const draw = () => this.#draw();
    react(this.model, NAMES.map((name) => [`change:${name}`, draw]), signal);
    draw();
    signal.addEventListener("abort", () => {
      this.timetable.plane.stop();
      clearTimeout(this.#saying);
    });
  }

  // ---- what the reader does --------------------------------------------------------------------

  #turn(changes) {
    this.save(changes);
    clearTimeout(this.#saying);
    const told = () => ("first" in changes ? this.timetable.plane.svg.getAttribute("aria-label") : news(this.get("policy"), this.summaries));
    this.#saying = setTimeout(() => (this.news.textContent = told()), 600);
  }

  // ---- what is computed ------------------------------------------------------------------------

  /** The trace and summary of some settings, and the arrivals per second. */
  #run(settings) {
    const [seed, cost] = [this.get("seed"), this.get("cost")];
    const key = JSON.stringify([seed, cost, ...SETTINGS.map((name) => settings[name])]);
    if (!this.#kept.has(key)) {
      if (this.#kept.size > 8) this.#kept.clear();
      const requests = drawn(seed, settings.prompts);
      const rate = settings.load * capacity(requests, settings.batch, cost);
      const trace = simulate(arriving(requests, rate), settings, cost);
      this.#kept.set(key, { trace, rate, summary: summary(trace, settings.batch) });
    }
    return this.#kept.get(key);
  }

  /** The measure of an experiment before and after its change. */
  #compared(key) {
    const { before, after, measure } = EXPERIMENTS[key];
    return [before, after].map((changes) => this.#run({ ...START, ...changes }).summary[measure]);
  }

  /** The first request to be shown, so that the one that waits longest after the change is seen. */
  #worst(key) {
    const { after, measure } = EXPERIMENTS[key];
    if (measure !== "first99") return 0;
    const { finished } = this.#run({ ...START, ...after }).trace;
    const wait = ({ times, arrival }) => times[0] - arrival;
    const worst = finished.reduce((one, other) => (wait(other) > wait(one) ? other : one));
    return Math.max(0, Math.min(N_REQUESTS - ROWS, worst.name - ROWS / 2));
  }

  // ---- what is shown ---------------------------------------------------------------------------

  #draw() {
    const settings = Object.fromEntries(SETTINGS.map((name) => [name, this.get(name)]));
    const runs = Object.fromEntries(POLICIES.map(([policy]) => [policy, this.#run({ ...settings, policy })]));
    const { policy } = settings;
    this.summaries = Object.fromEntries(Object.entries(runs).map(([name, run]) => [name, run.summary]));
    const asked = this.#drawQuestion();
    this.#drawSettings(settings, runs[policy].rate);
    this.#drawFigures(policy, asked);
    const first = Math.min(this.get("first"), N_REQUESTS - ROWS);
    const rows = this.timetable.draw({ ...runs[policy].trace, policy, batch: settings.batch, first });
    this.first.set(first, `${first + 1} to ${first + ROWS}`);
    this.legend.children[4].hidden = policy !== "static";
    this.legend.children[5].hidden = !this.summaries[policy].preemptions;
    const lines = resize(this.rows, rows.length, () => element("tr", {}, element("th", { scope: "row" }), ...HEADS.slice(1).map(() => element("td"))));
    lines.forEach((line, i) => cells(rows[i], rows[0].arrival).forEach((text, column) => (line.children[column].textContent = text)));
    const cost = this.get("cost");
    this.cost.textContent = `A step costs ${quantity(cost.fixed_s, "s")} (reading the weights), ${quantity(cost.per_token_s, "s")} per token that it computes, and ${quantity(cost.per_context_s, "s")} per stored token that one of them attends to. A draft model costs a tenth of that without attention. 100% load is what continuous batching with full slots and no drafts can serve.`;
  }

  /** Returns: whether something is asked that the other policy's figures would answer. */
  #drawQuestion() {
    const { key, shown, bars } = this.experiments;
    this.experiments.draw();
    bars.el.classList.toggle("gv-after-static", key === "static");
    return !shown && key === "static";
  }

  #drawSettings(settings, rate) {
    this.policy.set(settings.policy);
    this.prompts.input.value = settings.prompts;
    this.more.textContent = `Other requests (${this.get("seed")})`;
    for (const [name, values, { set }] of this.sliders) {
      const text = says[name](settings[name], name === "load" ? rate : BLOCK_SIZE);
      set(nearest(values, settings[name]), text);
    }
  }

  #drawFigures(policy, asked) {
    const lines = resize(this.figures, FIGURES.length, () => element("tr", {}, element("th", { scope: "row" }), ...POLICIES.map(() => element("td"))));
    FIGURES.forEach(([key, name, text], i) => {
      const [head, ...values] = lines[i].children;
      head.textContent = name;
      values.forEach((cell, column) => (cell.textContent = asked && POLICIES[column][0] !== policy ? "?" : text(this.summaries[POLICIES[column][0]][key])));
    });
    POLICIES.forEach(([name], column) => {
      const chosen = name === policy;
      for (const cell of [this.heads[column], ...lines.map((line) => line.children[column + 1])]) cell.classList.toggle("gv-chosen", chosen);
    });
  }
}

/** The place of the value nearest to one; null, no limit, is the largest. */
function nearest(values, value) {
  const size = (one) => one ?? Infinity;
  const exact = values.indexOf(value);
  if (exact >= 0) return exact;
  const distances = values.map((one) => Math.abs(size(one) - size(value)));
  return distances.indexOf(Math.min(...distances));
}

export default explorable((model) => new Serving(model));

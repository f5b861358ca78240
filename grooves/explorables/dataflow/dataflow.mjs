// The explorable `dataflow`: one decoding step on a chip whose compiler decided everything, as a
// timetable, and the same operations on a machine with a cache. Chapter 14.
//
// Key idea: the cycles of a static schedule are known before it runs, and what binds them is the
// longest path through the program. So a change that does not touch that path changes nothing.
// State: programs, story, program, chip, latencies, vector_units, stepping, cycle, operation, machine,
// noise, cache_kib, noise_lines, position, seed, experiment, asks, guesses.

import { button, choice, slider } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { Experiments } from "../shared/before_after.mjs";
import { explorable, Part, react } from "../shared/explorable.mjs";
import { Tabs } from "../shared/tabs.mjs";
import { EXPERIMENTS, SHORTEST, truth } from "./experiments.mjs";
import { planned, shortest } from "./plan.mjs";
import { bound, count, question, rate, title, verdict, versus } from "./sentences.mjs";
import { Stepping } from "./stepping.mjs";
import { legend, Pair } from "./timetable.mjs";
import { Tokens } from "./tokens.mjs";

const NAMES = ["programs", "story", "program", "chip", "latencies", "vector_units", "stepping", "cycle", "operation", "machine", "noise", "cache_kib", "noise_lines", "position", "seed", "experiment", "asks", "guesses"];
const UNITS = [1, 2, 4, 8, 16, 32];

// Of each slider: the latency, its label, and the most cycles.
const SLIDERS = [
  ["matrix", "Matrix: product", 64],
  ["vector", "Vector: add, multiply", 16],
  ["transcendental", "Vector: exp, 1/x", 32],
  ["switch", "Switch: move lanes", 32],
  ["memory", "Memory: read, write", 32],
  ["far", "Travel between units", 32],
];

class Dataflow extends Part {
  #kept = new Map(); // plans by settings
  #saying = 0; // a timer: screen readers are told when a slider rests

  constructor(model) {
    super(model);
    this.news = element("p", { className: "gx-news", role: "status" });
    const tell = (text, delay) => this.#tell(text, delay);
    [this.change, this.now] = [new Pair("cycle"), new Pair("cycle")];
    [this.stepping, this.tokens] = [new Stepping(model, tell), new Tokens(model, tell)];
    this.#build();
  }

  #build() {
    const colours = () => legend(["gd-critical", "critical path"], ["gd-other", "other operations"]);
    const several = Object.keys(this.get("programs")).length > 1;
    this.experiments = new Experiments(this, EXPERIMENTS, "Cycles before and after the change", {
      before: (key) => ({ ...this.#settings(key)[0], operation: -1 }),
      after: (key) => ({ ...this.#settings(key)[1], operation: -1 }),
      values: (key) => this.#settings(key).map((settings) => this.#plan(settings).cycles),
      right: truth,
      offered: ({ after }) => several || !after.program,
      question,
      verdict,
      show: (_, cycles) => count(cycles),
      draw: () => this.#draw(),
      tell: (text) => this.#tell(text, 0),
    });
    this.sliders = SLIDERS.map(([name, label, max]) => [name, slider(label, { min: 1, max, step: 1 }, (cycles) => this.#turn({ latencies: { ...this.get("latencies"), [name]: cycles } }))]);
    this.units = slider("Vector units", { min: 0, max: UNITS.length - 1, step: 1 }, (at) => this.#turn({ vector_units: UNITS[at] }));
    this.reset = button("As assumed", () => this.#turn(this.#start()));
    this.bound = element("p", { className: "gd-text" });
    this.tabs = new Tabs("Predict, step through, change latencies, or compare with a cache", [
      ["1. Predict", ...this.experiments.elements, this.change.el, colours()],
      ["2. Step", ...this.stepping.elements],
      ["3. Latencies", element("div", { className: "gd-sliders" }, ...this.sliders.map(([, { el }]) => el), this.units.el), element("div", { className: "gd-row" }, this.bound, this.reset), this.now.el, colours()],
      ["4. Cache", ...this.tokens.elements],
    ]);
    const [tabs, ...panels] = this.tabs.elements;
    panels[0].classList.add("gd-predict");
    this.panels = panels;
    for (const event of ["click", "keydown"]) tabs.addEventListener(event, () => this.#draw());
    const programs = Object.keys(this.get("programs"));
    this.program = choice("Program", programs.map((name) => [name, title(name)]), (program) => this.#turn({ program, operation: -1, cycle: 0 }));
    this.rate = element("p", { className: "gx-title" });
    this.el = element(
      "section",
      { className: "gx gd", "aria-label": "A static schedule: one decoding step on a chip without a cache" },
      tabs,
      element("div", { className: "gd-row gd-top" }, this.program.el, this.rate),
      ...panels,
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
      for (const { plane } of [this.change, this.now]) plane.stop();
      this.stepping.stop();
      this.tokens.stop();
      clearTimeout(this.#saying);
    });
  }

  // ---- what the reader does --------------------------------------------------------------------

  /** The settings before any change. */
  #start() {
    const { latencies, units } = this.get("chip");
    return { latencies, vector_units: units.vector };
  }

  /** The settings before and after an experiment's change. */
  #settings(key) {
    const programs = this.get("programs");
    const before = { ...this.#start(), program: Object.keys(programs)[0] };
    const { latencies, ...after } = EXPERIMENTS[key].after;
    if (after.program === SHORTEST) after.program = shortest(programs, this.get("chip"));
    return [before, { ...before, ...after, latencies: { ...before.latencies, ...latencies } }];
  }

  #turn(changes) {
    this.save(changes);
    this.#tell(`${this.rate.textContent}. ${this.bound.textContent}`, 600);
  }

  #tell(text, delay) {
    clearTimeout(this.#saying);
    const say = () => (this.news.textContent = text);
    if (delay) this.#saying = setTimeout(say, delay);
    else say();
  }

  // ---- what is computed ------------------------------------------------------------------------

  #plan({ program, latencies, vector_units }) {
    const key = JSON.stringify([program, latencies, vector_units]);
    if (!this.#kept.has(key)) {
      if (this.#kept.size > 12) this.#kept.clear();
      this.#kept.set(key, planned(this.get("programs")[program], this.get("chip"), latencies, vector_units));
    }
    return this.#kept.get(key);
  }

  // ---- what is shown ---------------------------------------------------------------------------

  #draw() {
    const settings = Object.fromEntries(["program", "latencies", "vector_units"].map((name) => [name, this.get(name)]));
    const plan = this.#plan(settings);
    const [, stepping, changing, cache] = this.panels.map(({ hidden }) => !hidden); // drawn where seen
    this.#drawQuestion();
    this.program.input.value = settings.program;
    this.rate.textContent = rate(plan.cycles, this.get("chip").clock_hz);
    this.bound.textContent = bound(plan);
    for (const [name, { set }] of this.sliders) set(settings.latencies[name], `${settings.latencies[name]} cycles`);
    this.units.set(UNITS.findLastIndex((n) => n <= settings.vector_units), `${settings.vector_units}`);
    const assumed = this.#plan({ ...settings, ...this.#start() });
    if (changing) this.now.draw({ halves: [{ ...assumed, name: "assumed" }, { ...plan, name: "now" }], label: versus("As assumed", assumed, "now", plan) });
    if (stepping) this.stepping.draw(plan);
    if (cache) this.tokens.draw(plan);
  }

  #drawQuestion() {
    const { key, shown } = this.experiments;
    const [before, after] = this.#settings(key).map((settings) => this.#plan(settings));
    this.change.draw({ halves: [{ ...before, name: "before" }, ...(shown ? [{ ...after, name: "after" }] : [])], label: versus("Before", before, "after", shown ? after : null) });
    this.experiments.draw();
  }
}

export default explorable((model) => new Dataflow(model));

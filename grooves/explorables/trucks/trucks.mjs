// The explorable `trucks`: a Ferrari and many trucks fetch bytes, and Little's law says how many
// they deliver per second. Chapter 11.
//
// Key idea: throughput is what is in flight divided by the latency, until the road is full. So which
// fleet delivers a load first depends on the size of the load.
// State: car, trucks, load, time_ns, asks, guesses.

import { button, slider } from "../shared/controls.mjs";
import { loadTime, tripTime } from "./delivery.mjs";
import { element } from "../shared/dom.mjs";
import { explorable, Part, react } from "../shared/explorable.mjs";
import { Bars } from "../shared/plane.mjs";
import { Prediction, praise } from "../shared/prediction.mjs";
import { DeliveredChart, LawChart } from "./charts.mjs";
import { Road } from "./road.mjs";
import { FLEETS, first, gigabytes, law, lesson, nanoseconds, question, winner } from "./sentences.mjs";
import { Tabs } from "../shared/tabs.mjs";
import { quantity } from "../shared/units.mjs";

const NAMES = ["car", "trucks", "load", "time_ns", "asks"];
const LOADS = [["a number", 8], ["a page", 4096], ["a layer", 2 ** 25]];
const STEPS = 40; // presses of Step from the start to the end
const PLAYED_MS = 14_000; // duration of the whole animation
const TELL_MS = 3000; // how often a screen reader is told while it plays

/** The sliders of a fleet: [name, label, [from, to, step], from position to value and back, base, text]. */
const power = (base) => [(place) => base ** place, (value) => Math.log(value) / Math.log(base)];
const round = (value) => Number(value.toPrecision(2));
const TURNS = [
  ["latency_ns", "Latency", [1, 3.4, 0.1], ([to, back]) => [(place) => round(to(place)), back], 10, nanoseconds],
  ["trip_bytes", "Bytes per trip", [2, 12, 1], (both) => both, 2, (bytes) => quantity(bytes, "B")],
  ["in_flight", "Trips in flight", [0, 14, 1], (both) => both, 2, (n) => n.toLocaleString("en")],
  ["road_gb_per_s", "Bandwidth", [0, 3.6, 0.1], ([to, back]) => [(place) => round(to(place)), back], 10, gigabytes],
];

class Trucks extends Part {
  #answered = false;
  #frame = 0; // of the animation
  #before = 0; // when its last frame was
  #told = 0;
  #saying = 0; // a timer: screen readers are told when a slider rests

  constructor(model) {
    super(model);
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.#build();
  }

  #build() {
    this.chips = LOADS.map(([name, load]) => {
      const chip = element("button", { type: "button", className: "gx-chip" }, `${quantity(load, "B")}: ${name}`);
      chip.addEventListener("click", () => {
        this.#answered = false;
        this.prediction.say("");
        this.save({ load });
        this.#draw();
      });
      return chip;
    });
    this.load = slider("Load", { min: 0, max: 30, step: 1 }, (place) => this.#turned({ load: 2 ** place }));
    this.bars = new Bars(Object.values(FLEETS).map(({ name }) => name), "Time until the whole load is delivered");
    this.verdict = element("p", { className: "gc-verdict" });
    this.answer = element("div", { className: "gt-answer" }, this.bars.el, this.verdict);
    this.prediction = new Prediction(Object.entries(FLEETS).map(([kind, { name }]) => [kind, name]), (guess) => this.#guess(guess), (asks) => this.save({ asks }), this.answer);
    this.play = button("Play", () => this.#playOrPause());
    this.step = button("Step", () => this.#move(this.get("time_ns") + this.horizon / STEPS));
    this.back = button("Back to the start", () => this.#move(0));
    this.time = slider("Time", { min: 0, max: STEPS, step: 1 }, (place) => this.#move((place / STEPS) * this.horizon));
    this.motion = element("p", { className: "gx-note" });
    this.delivered = new DeliveredChart();
    this.laws = new LawChart();
    this.lesson = element("p", { className: "gc-help" });
    this.same = button("Give both the same road", () => this.save({ trucks: { ...this.get("trucks"), road_gb_per_s: this.get("car").road_gb_per_s } }));
    this.news = element("p", { className: "gx-news", role: "status" });
    this.fleets = Object.keys(FLEETS).map((kind) => this.#fleet(kind));
    const title = (text) => element("p", { className: "gx-title" }, text);
    const tabs = new Tabs("Latency, then throughput", [
      [
        "1. Latency: who is first?",
        element("div", { className: "gx-chips" }, ...this.chips, this.load.el),
        this.prediction.el,
        element("div", { className: "gx-controls", role: "group", "aria-label": "Move through time" }, this.play, this.step, this.back, this.time.el),
        this.motion,
        element("div", { className: "gt-fleets" }, ...this.fleets.map(({ race }) => race)),
        title("Delivered so far"),
        this.delivered.el,
      ],
      [
        "2. Throughput: Little’s law",
        element("div", { className: "gt-fleets" }, ...this.fleets.map(({ settings }) => settings)),
        title("Throughput = trips in flight × bytes per trip ÷ latency, up to the bandwidth"),
        this.laws.el,
        this.lesson,
        element("div", { className: "gx-controls gt-same" }, this.same),
        element("p", { className: "gx-note" }, "The numbers are round and made up, not measured. All vehicles start at once, and each sets out on its next trip the moment it has delivered."),
      ],
    ]);
    this.el = element("section", { className: "gx gt", "aria-label": "The Ferrari and the trucks: latency and throughput" }, ...tabs.elements, this.news);
  }

  /** A fleet: its road for the first tab, its sliders and its throughput for the second. */
  #fleet(kind) {
    const road = new Road(kind);
    const law = element("p", { className: "gt-sum" });
    const sliders = TURNS.map(([name, label, [min, max, step], scale, base, text]) => {
      const [value, place] = scale(power(base));
      const made = slider(label, { min, max, step }, (at) => this.#turned({ [kind]: { ...this.get(kind), [name]: value(at) } }));
      return { el: made.el, draw: (fleet) => made.set(place(fleet[name]), text(fleet[name])) };
    });
    const { name, idea } = FLEETS[kind];
    const group = (...children) => element("div", { className: `gt-fleet gt-${kind}-fleet`, role: "group", "aria-label": name }, element("p", { className: "gx-title" }, name), ...children);
    const race = group(element("p", { className: "gx-note" }, idea), road.el);
    const settings = group(element("div", { className: "gt-sliders" }, ...sliders.map((one) => one.el)), law);
    return { kind, road, law, sliders, race, settings };
  }

  // ---- what is known elsewhere -----------------------------------------------------------------

  /** Follow the model's state until `signal` says that the page has no use for this any more. */
  follow(signal) {
    const draw = () => this.#draw();
    const motion = () => this.#pause();
    react(this.model, NAMES.map((name) => [`change:${name}`, draw]), signal);
    this.still.addEventListener("change", motion);
    draw();
    signal.addEventListener("abort", () => {
      this.still.removeEventListener("change", motion);
      cancelAnimationFrame(this.#frame);
      clearTimeout(this.#saying);
      this.delivered.plane.stop();
      this.laws.plane.stop();
    });
  }

  /** Where the animation ends, in ns: after a few trips of the slower fleet. */
  get horizon() {
    const slowest = Math.max(...Object.keys(FLEETS).map((kind) => tripTime(this.get(kind))));
    return 4 * slowest;
  }

  // ---- what the reader does --------------------------------------------------------------------

  /** A slider was moved: the result is shown at once, and announced when the slider rests. */
  #turned(changes) {
    this.save(changes);
    clearTimeout(this.#saying);
    const told = () => ("load" in changes ? (this.answer.hidden ? "" : this.verdict.textContent) : this.lesson.textContent);
    this.#saying = setTimeout(() => (this.news.textContent = told()), 600);
  }

  /** guess: "car", "trucks", or null to be shown the answer. */
  #guess(guess) {
    const fleets = this.#fleets();
    const load = this.get("load");
    this.#answered = true;
    if (guess) this.save({ guesses: [...(this.get("guesses") ?? []), { load, guess, first: first(fleets, load) }] });
    this.#draw();
    this.prediction.say(guess ? praise(this.get("guesses"), "first") : "");
    this.news.textContent = this.verdict.textContent;
    this.prediction.switch.focus({ preventScroll: true }); // the button that had the focus is gone
  }

  #playOrPause() {
    if (this.#frame) {
      this.#pause();
      return;
    }
    if (this.get("time_ns") >= this.horizon) this.save({ time_ns: 0 });
    this.#before = this.#told = performance.now();
    this.#frame = requestAnimationFrame((now) => this.#advance(now));
    this.#draw();
  }

  #pause() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#draw();
  }

  /** A frame of the animation. */
  #advance(now) {
    const passed = Math.max(0, Math.min(100, now - this.#before)); // a page that was hidden does not leap
    this.#before = now;
    const time = Math.min(this.horizon, this.get("time_ns") + (passed / PLAYED_MS) * this.horizon);
    this.#frame = time < this.horizon ? requestAnimationFrame((next) => this.#advance(next)) : 0;
    this.model.set("time_ns", time);
    if (now - this.#told > TELL_MS || !this.#frame) {
      this.#told = now;
      this.#tell();
      this.model.save_changes(); // a kernel need not hear of every frame
    }
    if (!this.#frame) this.#draw();
  }

  #move(time) {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.save({ time_ns: Math.max(0, Math.min(this.horizon, time)) });
    this.#draw();
    this.#tell();
  }

  #tell() {
    this.news.textContent = `After ${nanoseconds(this.get("time_ns"))}. ${this.fleets.map(({ road }) => road.said).join(" ")}`;
  }

  // ---- what is shown ---------------------------------------------------------------------------

  #fleets() {
    return Object.fromEntries(Object.keys(FLEETS).map((kind) => [kind, this.get(kind)]));
  }

  #draw() {
    const fleets = this.#fleets();
    const [load, asks] = [this.get("load"), this.get("asks")];
    const time = Math.min(this.get("time_ns"), this.horizon);
    const shown = !asks || this.#answered;
    this.load.set(Math.log2(load), quantity(load, "B"));
    this.prediction.draw(shown ? null : question(load), asks);
    const needed = Object.values(fleets).map((fleet) => loadTime(fleet, load));
    this.bars.draw(needed, needed.map(nanoseconds), needed.indexOf(Math.min(...needed)));
    this.verdict.textContent = winner(fleets, load);
    this.play.textContent = this.#frame ? "Pause" : "Play";
    this.play.ariaDisabled = String(this.still.matches);
    this.step.ariaDisabled = String(time >= this.horizon);
    this.back.ariaDisabled = String(time === 0);
    this.motion.textContent = this.still.matches ? "Your system is set to reduce motion, so nothing plays by itself. Use Step or the slider." : "";
    this.time.set((time / this.horizon) * STEPS, nanoseconds(time));
    for (const { kind, road, law: sum, sliders } of this.fleets) {
      road.draw(fleets[kind], time);
      sum.textContent = law(fleets[kind]);
      for (const one of sliders) one.draw(fleets[kind]);
    }
    this.delivered.draw({ fleets, time, horizon: this.horizon });
    this.laws.draw(fleets);
    this.lesson.textContent = lesson(fleets);
    this.same.ariaDisabled = String(fleets.car.road_gb_per_s === fleets.trucks.road_gb_per_s);
  }
}

export default explorable((model) => new Trucks(model));

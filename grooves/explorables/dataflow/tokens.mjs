// The machine with a cache: the same token again and again, and how long each time. Chapter 14.

import { button, choice, slider } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { Part } from "../shared/explorable.mjs";
import { uniform } from "../shared/random.mjs";
import { CachedMachine, quantile, worksOf } from "./cached.mjs";
import { Histogram } from "./histogram.mjs";
import { compared, count, histogramLabel, tail, token } from "./sentences.mjs";
import { legend, packed, Pair } from "./timetable.mjs";

const SIZES = [256, 384, 512, 768, 1024, 2048].map((kib) => [kib, `${count(kib)} KiB`]);
const LEAST = [0, 1, 2, 4, 8, 16, 32, 64]; // lines: the noise's scale
const WARM = 3; // tokens before the first one that is shown: an empty cache is no noise

export class Tokens extends Part {
  #latencies = [];
  #last = null;
  #made = ""; // what the machine was made for

  constructor(model, tell) {
    super(model);
    this.tell = tell;
    this.one = button("Next token", () => this.#press(1));
    this.many = button("100 more", () => this.#press(100));
    this.size = choice("Cache", SIZES, (kib) => this.save({ cache_kib: Number(kib) }));
    this.noise = slider("Other programs", { min: 0, max: LEAST.length - 1, step: 1 }, (at) => this.save({ noise_lines: LEAST[at] }));
    this.text = element("p", { className: "gd-text" });
    this.tail = element("p", { className: "gd-text gd-tail" });
    [this.pair, this.histogram] = [new Pair("cycles since the beginning of the token"), new Histogram()];
    this.elements = [
      element("p", { className: "gx-note" }, "The same token at the same position, on the chip and on a machine that decides at run time what to keep in its cache and what to compute next. Between two tokens other programs use the cache. How much they read is drawn at random; the distribution is an assumption."),
      element("div", { className: "gd-row gd-presses" }, element("div", { className: "gd-buttons" }, this.one, this.many), this.size.el, this.noise.el),
      this.text,
      this.pair.el,
      legend(["gd-critical", "chip: critical path"], ["gd-other", "chip: other operations"], ["gd-cached", "machine with a cache"], ["gd-missed", "waits for missing lines"]),
      this.tail,
      this.histogram.el,
    ];
  }

  stop() {
    this.pair.plane.stop();
    this.histogram.plane.stop();
  }

  /** plan: of the chip; what the machine runs are the same operations. */
  draw(plan) {
    const [kib, least, seed] = ["cache_kib", "noise_lines", "seed"].map((name) => this.get(name));
    this.size.input.value = kib;
    this.noise.set(LEAST.reduce((best, one, i) => (Math.abs(one - least) < Math.abs(LEAST[best] - least) ? i : best), 0), least ? `at least ${(least * this.get("machine").line_bytes).toLocaleString("en")} B` : "none");
    const wanted = JSON.stringify([kib, least, seed, this.get("program"), plan.timing.latencies, plan.timing.units]);
    if (wanted !== this.#made) {
      this.#made = wanted;
      this.plan = plan;
      const machine = { ...this.get("machine"), cache_bytes: kib * 1024 };
      const units = machine.units.map(([unit, n]) => [unit, unit === "vector" ? plan.timing.units.vector : n]);
      this.works = worksOf(plan.operations, plan.timing);
      this.machine = new CachedMachine(this.works, { ...machine, units }, { ...this.get("noise"), least }, uniform(seed));
      for (let i = 0; i < WARM; i += 1) this.machine.token(this.get("position"));
      this.#latencies = [];
      this.#run(1);
    }
    this.#show();
  }

  #run(n) {
    for (let i = 0; i < n; i += 1) this.#latencies.push((this.#last = this.machine.token(this.get("position"))).cycles);
  }

  #press(n) {
    this.#run(n);
    this.#show();
    this.tell(`${this.text.textContent} ${this.tail.textContent}`, 0);
  }

  #show() {
    const { plan, works } = this;
    const { starts, waits, missed, cycles, misses } = this.#last;
    this.text.textContent = token(this.#last, this.get("machine").line_bytes);
    this.tail.textContent = tail(this.#latencies, quantile, plan.cycles);
    const bars = works.map(({ unit, latency, occupies }, i) => ({ unit, start: starts[i], end: starts[i] + latency + occupies - 1, wait: waits[i], missed: missed[i] }));
    const cached = { name: "cache", bars, layout: packed(bars), cycles, cached: true };
    this.pair.draw({ halves: [{ ...plan, name: "chip" }, cached], label: compared(plan.cycles, cycles, misses) });
    this.histogram.draw({ chip: plan.cycles, latencies: this.#latencies, label: histogramLabel(this.#latencies, plan.cycles) });
  }
}

// The timetable of `serving`: a row for each request, and under them the slots in use. Chapter 09.
//
// Key idea: each token is a mark of its own, so whatever delays the server is seen as a gap in all
// rows at once.

import { Plane } from "../shared/plane.mjs";
import { shape } from "../shared/svg.mjs";
import { quantity } from "../shared/units.mjs";
import { described } from "./sentences.mjs";

const [ROW, SLOTS, TOP] = [13, 26, 12]; // pixels: of a row, of the slots' strip, above the rows
export const ROWS = 16;

export const LEGEND = [
  ["gv-waits", "waits"],
  ["gv-prefill", "prefill"],
  ["gv-token", "a token"],
  ["gv-end", "end"],
  ["gv-held", "slot idle until the batch ends"],
  ["gv-preempted", "preempted"],
];

export class Timetable {
  constructor() {
    this.plane = new Plane("gv-timetable", TOP + ROWS * ROW + SLOTS + 50, () => this.state && this.draw(this.state), 12);
    this.el = this.plane.el;
  }

  /** state: finished and steps of a trace, policy, batch, first (the first request shown). */
  draw(state) {
    this.state = state;
    const { plane } = this;
    const { finished, steps, policy, batch, first } = state;
    const rows = finished.filter(({ name }) => name >= first && name < first + ROWS).sort((a, b) => a.name - b.name);
    const from = Math.min(...rows.map(({ arrival }) => arrival));
    const to = Math.max(...rows.map(({ times, held }) => Math.max(times.at(-1), policy === "static" ? held : 0)));
    const at = ticks(to - from, plane.width < 480 ? 4 : 8).map((tick) => from + tick);
    plane.across = { from, to, at, title: "time since the first arrival shown", show: (time) => quantity(time - from, "s") };
    plane.up = { from: 0, to: 1, at: [], show: String };
    const parts = rows.flatMap((one, i) => this.#row(one, TOP + i * ROW, policy));
    plane.svg.classList.toggle("gv-static", policy === "static");
    plane.show(described(policy, rows), ...parts, ...this.#slots(steps, from, to, batch));
    return rows;
  }

  #row(one, y, policy) {
    const { plane } = this;
    const middle = y + ROW / 2;
    const line = (from, to, className) => shape("line", { x1: plane.x(from), x2: plane.x(to), y1: middle, y2: middle, class: className });
    const waits = [one.arrival, ...one.preemptions].map((from, i) => line(from, one.admissions[i], "gv-waits"));
    const prefills = one.prefills.map(([from, to]) => shape("rect", { x: plane.x(from), y: y + 2, width: Math.max(1.5, plane.x(to) - plane.x(from)), height: ROW - 4, class: "gv-prefill" }));
    const marks = one.times.map((time) => `M${plane.x(time).toFixed(1)} ${y + 2}v${ROW - 4}`).join("");
    const cross = one.preemptions.map((time) => {
      const x = plane.x(time);
      return shape("path", { d: `M${x - 4} ${middle - 4}l8 8m0 -8l-8 8`, class: "gv-preempted" });
    });
    const end = shape("circle", { cx: plane.x(one.times.at(-1)), cy: middle, r: 3, class: "gv-end" });
    const held = policy === "static" && one.held > one.times.at(-1) ? [line(one.times.at(-1), one.held, "gv-held")] : [];
    const name = plane.text(plane.bounds.left - 6, middle + 4, `${one.name + 1}`, { anchor: "end" });
    return [name, ...waits, ...held, ...prefills, shape("path", { d: marks, class: "gv-token" }), ...cross, end];
  }

  /** How many slots are in use, as an area from nothing to all of them. */
  #slots(steps, from, to, batch) {
    const { plane } = this;
    const bottom = plane.bounds.bottom;
    const y = (n) => (bottom - (n / batch) * (SLOTS - 4)).toFixed(1);
    const inside = steps.filter(({ start, end }) => end > from && start < to);
    let path = `M${plane.x(from).toFixed(1)} ${bottom}`;
    let last = from;
    for (const { start, end, nRunning } of inside) {
      const [a, b] = [Math.max(start, from), Math.min(end, to)];
      if (a > last) path += `V${bottom}H${plane.x(a).toFixed(1)}`;
      path += `V${y(nRunning)}H${plane.x(b).toFixed(1)}`;
      last = b;
    }
    const { left } = plane.bounds;
    return [shape("path", { d: `${path}V${bottom}Z`, class: "gv-slots" }), plane.text(left - 6, bottom - SLOTS / 2 + 6, "slots", { anchor: "end" })];
  }
}

/** Round numbers from 0 up to `most`, at most n + 1 of them. */
function ticks(most, n) {
  const rough = most / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);
}

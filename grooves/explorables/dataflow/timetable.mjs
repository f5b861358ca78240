// The timetables of `dataflow`: a band for each kind of unit, a bar for each operation. Chapter 14.
//
// Key idea: a bar reaches from the issue of an operation to its result. So bars of one unit overlap:
// it begins an operation in every cycle, and each is under way for many.

import { element } from "../shared/dom.mjs";
import { Plane } from "../shared/plane.mjs";
import { shape } from "../shared/svg.mjs";

const BANDS = ["weights", "matrix", "vector", "switch", "memory", "link"];
const [TOP, STRIP, GAP] = [14, 18, 10]; // pixels: above, of the strip that shows the whole, below it
const [ALL, WINDOW] = [220, 160]; // pixels of all bands; cycles in the window

/** What the colours stand for. pairs: a class and its meaning. */
export function legend(...pairs) {
  return element("ul", { className: "gd-legend" }, ...pairs.map(([className, name]) => element("li", {}, element("span", { className: `gd-swatch ${className}`, "aria-hidden": "true" }), name)));
}

/** Rows for bars: the first in which a bar fits behind those before it. bars: [{ unit, start, end }].
 * Returns: { row of each bar, bands: [{ unit, first row, rows }], rows }. */
export function packed(bars) {
  const row = new Array(bars.length).fill(0);
  const bands = [];
  let rows = 0;
  for (const unit of BANDS) {
    const mine = bars.flatMap((bar, i) => (bar.unit === unit ? [i] : [])).sort((a, b) => bars[a].start - bars[b].start || a - b);
    if (!mine.length) continue;
    const until = [];
    for (const i of mine) {
      const free = until.findIndex((end) => end <= bars[i].start);
      const at = free < 0 ? until.length : free;
      until[at] = bars[i].end;
      row[i] = rows + at;
    }
    bands.push({ unit, first: rows, rows: until.length });
    rows += until.length;
  }
  return { row, bands, rows };
}

/** A window on a schedule, and above it a strip that shows where in the whole it lies. */
export class Timetable {
  #from = 0;

  /** choose(number): called with the bar that was clicked. */
  constructor(choose) {
    this.plane = new Plane("gd-timetable", TOP + STRIP + GAP + ALL + 48, () => this.state && this.draw(this.state), 16);
    this.el = this.plane.el;
    this.el.addEventListener("click", ({ target }) => target.dataset.bar && choose(Number(target.dataset.bar)));
  }

  /** state: bars [{ unit, start, end, critical }], layout (of `packed`), cycles, cycle, chosen,
   * reads and writes (numbers of bars), label. */
  draw(state) {
    this.state = state;
    const { plane } = this;
    const { bars, layout, cycles, cycle, chosen, reads, writes, label } = state;
    const span = Math.min(cycles, plane.width < 480 ? WINDOW / 2 : WINDOW);
    if (cycle < this.#from + 0.1 * span || bars[chosen].end > this.#from + 0.85 * span) this.#from = cycle - 0.3 * span;
    const from = (this.#from = Math.max(0, Math.min(cycles - span, Math.round(this.#from))));
    const to = from + span;
    const step = span > 100 ? 20 : 10;
    const at = [];
    for (let tick = Math.ceil(from / step) * step; tick <= to; tick += step) at.push(tick);
    plane.across = { from, to, at, title: "cycle", show: (value) => value.toLocaleString("en") };
    plane.up = { from: 0, to: 1, at: [], show: String };
    const y = rowsAt(layout, TOP + STRIP + GAP, ALL);
    const parts = [...names(plane, layout, y)];
    const { left, right, bottom } = plane.bounds;
    const inside = (value) => Math.max(left, Math.min(right, plane.x(value)));
    const middle = (i) => y(layout.row[i]) + y.height / 2;
    bars.forEach((bar, i) => {
      if (bar.end <= from || bar.start >= to) return;
      const kind = i === chosen ? " gd-chosen" : reads.includes(i) ? " gd-read" : writes.includes(i) ? " gd-written" : "";
      const width = Math.max(1.5, inside(bar.end) - inside(bar.start) - 0.6);
      parts.push(shape("rect", { x: inside(bar.start).toFixed(1), y: (y(layout.row[i]) + 0.6).toFixed(1), width: width.toFixed(1), height: (y.height - 1.2).toFixed(1), "data-bar": i, class: `gd-bar${bar.critical ? " gd-critical" : ""}${kind}` }));
    });
    const wire = (a, b, className) => shape("path", { d: `M${inside(bars[a].end).toFixed(1)} ${middle(a).toFixed(1)}L${inside(bars[b].start).toFixed(1)} ${middle(b).toFixed(1)}`, class: `gd-wire ${className}` });
    parts.push(...reads.map((i) => wire(i, chosen, "gd-reads")), ...writes.map((i) => wire(chosen, i, "gd-writes")));
    parts.push(shape("line", { x1: inside(cycle), x2: inside(cycle), y1: TOP + STRIP + GAP - 4, y2: bottom, class: "gd-now" }));
    plane.show(label, ...parts, ...this.#strip(from, to));
  }

  /** The whole schedule: the critical path above, all else below, and a frame around the window. */
  #strip(from, to) {
    const { plane } = this;
    const { bars, cycles } = this.state;
    const { left, right } = plane.bounds;
    const x = (cycle) => left + (cycle / cycles) * (right - left);
    const marks = (critical) => bars.filter((bar) => Boolean(bar.critical) === critical).map(({ start, end }) => `M${x(start).toFixed(1)} ${TOP + (critical ? 5 : 13)}H${Math.max(x(end), x(start) + 0.5).toFixed(1)}`).join("");
    const paths = [true, false].map((critical) => shape("path", { d: marks(critical), class: critical ? "gd-strip-critical" : "gd-strip-other" }));
    const ground = shape("rect", { x: left, y: TOP - 6, width: right - left, height: STRIP + 8, class: "gd-ground" });
    const frame = shape("rect", { x: x(from).toFixed(1), y: TOP - 1, width: Math.max(3, x(to) - x(from)).toFixed(1), height: STRIP, class: "gd-window" });
    return [ground, ...paths, frame, plane.text(left - 6, TOP + 12, "all", { anchor: "end" })];
  }
}

const [HALF, BETWEEN] = [84, 8]; // pixels: of one of two schedules, and between them

/** Two whole schedules on one axis, one above the other. */
export class Pair {
  constructor(title) {
    this.title = title;
    this.plane = new Plane("gd-pair", TOP + 2 * HALF + BETWEEN + 44, () => this.state && this.draw(this.state), 16);
    this.el = this.plane.el;
  }

  /** state: label, and halves: [{ name, bars, layout, cycles, cached }], of which a later one may be
   * missing. A bar may be `critical`, or have `missed` (lines) and `wait` (cycles before it). */
  draw(state) {
    this.state = state;
    const { plane } = this;
    const to = 1.04 * Math.max(...state.halves.map(({ cycles }) => cycles));
    plane.across = { from: 0, to, title: this.title, at: ticks(to, plane.width < 480 ? 4 : 8), show: (value) => value.toLocaleString("en") };
    plane.up = { from: 0, to: 1, at: [], show: String };
    plane.show(state.label, ...state.halves.flatMap((half, i) => this.#half(half, TOP + i * (HALF + BETWEEN))));
  }

  #half({ name, bars, layout, cycles, cached }, top) {
    const { plane } = this;
    const y = rowsAt(layout, top, HALF - 8);
    const height = Math.max(1, y.height - 0.4);
    const bar = (i, from, to) => {
      const width = Math.max(0.8, plane.x(to) - plane.x(from)).toFixed(1);
      return `M${plane.x(from).toFixed(1)} ${y(layout.row[i]).toFixed(1)}h${width}v${height.toFixed(1)}h-${width}z`;
    };
    const drawn = { "gd-missed": "", "gd-bar": "", "gd-bar gd-critical": "", "gd-cached": "" }; // a path for all bars of a kind
    bars.forEach(({ start, end, wait, missed, critical }, i) => {
      if (missed) drawn["gd-missed"] += bar(i, start - wait, start);
      drawn[cached ? "gd-cached" : critical ? "gd-bar gd-critical" : "gd-bar"] += bar(i, start, end);
    });
    const parts = Object.entries(drawn).flatMap(([className, d]) => (d ? [shape("path", { d, class: className })] : []));
    const x = plane.x(cycles).toFixed(1);
    const end = shape("line", { x1: x, x2: x, y1: top - 2, y2: top + HALF - 6, class: `gd-end ${cached ? "gd-cached" : "gd-chip"}` });
    return [plane.text(plane.bounds.left - 6, top + HALF / 2, name, { anchor: "end", className: "gd-name" }), ...parts, end];
  }
}

/** A function from a row to its place, with the `height` of a row: bands that fill some pixels. */
function rowsAt({ rows }, top, pixels) {
  const height = Math.min(14, pixels / rows);
  const place = (row) => top + row * height;
  place.height = height;
  return place;
}

function names(plane, { bands }, y) {
  const { left, right } = plane.bounds;
  return bands.flatMap(({ unit, first, rows }) => {
    const [top, bottom] = [y(first), y(first + rows)];
    return [
      shape("line", { x1: left, x2: right, y1: bottom.toFixed(1), y2: bottom.toFixed(1), class: "gc-grid" }),
      plane.text(left - 6, (top + bottom) / 2 + 4, unit, { anchor: "end", className: "gd-name" }),
    ];
  });
}

/** Round numbers from `least` up to `most`, at most n + 1 of them. */
export function ticks(most, n, least = 0) {
  const rough = (most - least) / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  const first = Math.ceil(least / step);
  return Array.from({ length: Math.floor(most / step) + 1 - first }, (_, i) => (first + i) * step);
}

// The two charts of the explorable `finetune`: what is learned, and what is forgotten.
//
// Key idea: a point is the mean of recorded runs and the bar through it reaches from the best to
// the worst. What was not predicted yet is not drawn, and lines come when all has been seen.

import { described, figures } from "./sentences.mjs";
import { Plane } from "../shared/plane.mjs";
import { shape } from "../shared/svg.mjs";

const ROOM = 92; // pixels beside the axes, for names
const LINE = 15; // pixels from name to name
const MARKS = {
  scratch: (r) => `M${-r} ${-r}H${r}V${r}H${-r}Z`,
  head: (r) => `M0 ${-1.2 * r}L${1.2 * r} ${r}H${-1.2 * r}Z`,
  lora: (r) => `M0 ${-1.4 * r}L${1.4 * r} 0L0 ${1.4 * r}L${-1.4 * r} 0Z`,
  full: (r) => `M${-r} 0A${r} ${r} 0 1 1 ${r} 0A${r} ${r} 0 1 1 ${-r} 0Z`,
};

/** The mark of a way, at a place. */
function mark(key, x, y, r, className) {
  return shape("path", { d: MARKS[key](r), transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, class: `gf-mark gf-${key} ${className}` });
}

/** A mark alone, to stand before a name. */
export function key(way) {
  return shape("svg", { class: "gf-key", viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, mark(way, 8, 8, 5, ""));
}

/** Places moved apart, from above, by at least LINE; as near to where they were as that allows. */
function apart(places, lowest) {
  const order = places.map((y, i) => [y, i]).sort(([a], [b]) => a - b);
  let above = -Infinity;
  for (const one of order) above = one[0] = Math.max(one[0], above + LINE);
  let below = lowest + LINE;
  for (const one of order.reverse()) below = one[0] = Math.min(one[0], below - LINE);
  return order.sort(([, i], [, j]) => i - j).map(([y]) => y);
}

export class TuningChart {
  /** what: "new", loss of the dialect, or "lost", what was forgotten. */
  constructor(what) {
    this.what = what;
    this.plane = new Plane("gf-plane", 250, () => this.state && this.draw(this.state), ROOM);
    this.el = this.plane.el;
  }

  stop() {
    this.plane.stop();
  }

  /** state: { recorded, shown (counts), n, way, own }. */
  draw(state) {
    this.state = state;
    const { recorded, shown, n, way, own } = state;
    const { plane, what } = this;
    const { counts, chosen } = recorded;
    const ways = recorded.ways.filter(({ key }) => what === "new" || key !== "scratch");
    const all = ways.flatMap((one) => counts.flatMap((count) => figures(recorded, one, count)[what].runs));
    const steps = Array.from({ length: Math.ceil(5 * Math.max(...all)) + 1 }, (_, i) => i / 5);
    plane.across = { from: counts[0] / 1.4, to: counts.at(-1) * 1.3, log: true, at: chosen, title: "stories of the dialect", show: (value) => value.toLocaleString("en") };
    plane.up = what === "new" ? { from: 0.003, to: 10, log: true, show: (value) => `${value}` } : { from: 0, to: steps.at(-1), at: steps, show: (value) => value.toFixed(1) };
    const { left, right, top: highest, bottom } = plane.bounds;
    const height = (value) => Math.min(bottom, Math.max(highest, plane.y(value)));
    const whole = chosen.every((count) => shown.includes(count));
    const drawn = whole ? counts : shown;
    const parts = [shape("line", { x1: plane.x(n), x2: plane.x(n), y1: highest, y2: bottom, class: "gf-chosen" })];
    if (what === "new") {
      const at = plane.y(recorded.base_new);
      parts.push(shape("line", { x1: left, x2: right, y1: at, y2: at, class: "gf-base" }));
      parts.push(plane.text(right + 6, at + 4, "base model"));
    }
    const order = [...ways.filter((one) => one.key !== way), ...ways.filter((one) => one.key === way)]; // it lies on top
    for (const one of order) {
      const strong = one.key === way ? "gf-strong" : "";
      const found = drawn.map((count) => [count, figures(recorded, one, count)[what]]);
      if (whole) parts.push(plane.line(found.map(([count, at]) => [count, at.mean]), `gf-line gf-${one.key} ${strong}`));
      for (const [count, at] of found) {
        const x = plane.x(count);
        parts.push(shape("line", { x1: x, x2: x, y1: height(at.most), y2: height(at.least), class: `gf-spread gf-${one.key} ${strong}` }));
        const size = !chosen.includes(count) ? 2.5 : count === n && strong ? 7 : 4.5;
        parts.push(mark(one.key, x, height(at.mean), size, count === n ? `gf-now ${strong}` : strong));
      }
    }
    for (const one of own.filter(({ way: key, n: count }) => shown.includes(count) && ways.some((some) => some.key === key))) {
      const [x, y] = [plane.x(one.n), height(what === "new" ? one.new : Math.max(0, one.old - recorded.base_old))];
      parts.push(shape("path", { d: `M${x - 5} ${y - 5}l10 10m0 -10l-10 10`, class: `gf-own gf-${one.way}` }));
    }
    if (shown.length) parts.push(...this.#names(ways, drawn, way, height, bottom));
    plane.show(described(recorded, what, shown), ...parts);
  }

  /** What each is called, beside the last points that are shown. */
  #names(ways, drawn, way, height, bottom) {
    const { plane, what } = this;
    const last = Math.max(...drawn);
    const means = ways.map((one) => figures(this.state.recorded, one, last)[what].mean);
    const places = apart(means.map(height), bottom);
    const x = plane.x(last) + 12;
    return ways.map((one, i) => plane.text(x, places[i] + 4, one.name, { className: `gf-halo ${one.key === way ? "gc-strong" : ""}` }));
  }
}

// One column of all chosen runs over steps or seconds: a line per run, with its name at its end.
//
// Key idea: names stand beside the lines, moved apart where they would overlap, so that nobody has
// to compare colours with a list. What cannot be drawn is counted and said.

import { element } from "../shared/dom.mjs";
import { Plane } from "../shared/plane.mjs";
import { shape } from "../shared/svg.mjs";
import { axis, shown } from "./run_columns.mjs";

const LINE = 15; // pixels from name to name
const LETTER = 7.3; // pixels, at most, that a letter of a name takes on average
const KINDS = 6; // colours of lines; later runs have the same ones, dashed

/** The class of a run's line, by its place among all runs. */
export const lineClass = (place) => `gu-run-${place % KINDS}${place % (2 * KINDS) < KINDS ? "" : " gu-dashed"}`;

/** The points of a curve that can be drawn, [[x, y]], and how many a logarithmic axis leaves out. */
export function points(curve, column, across, log) {
  const pairs = (curve[column] ?? []).map((y, i) => [curve[across]?.[i] ?? null, y]).filter(([x, y]) => x !== null && y !== null);
  const drawn = log ? pairs.filter(([, y]) => y > 0) : pairs;
  return { drawn, omitted: pairs.length - drawn.length };
}

/** An axis around some values, { from, to, at }: round numbers are named, at most about `most`. */
export function scale(values, log, most) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (log) return logarithmic(low, high, most);
  if (low === high) [low, high] = low ? [Math.min(0, 2 * low), Math.max(0, 2 * low)] : [0, 1];
  const rough = (high - low) / Math.max(1, most - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((n) => n * power >= rough * (1 - 1e-9)) * power;
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  const at = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  return { from: at[0], to: at.at(-1), at };
}

function logarithmic(low, high, most) {
  const around = low * 1.05 >= high ? 1.5 : 1.05; // a little room, more for a level line
  const [from, to] = [low / around, high * around];
  for (const parts of [[1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]]) {
    const at = [];
    for (let power = Math.floor(Math.log10(from)); power <= Math.log10(to); power++) {
      for (const part of parts) at.push(Number((part * 10 ** power).toPrecision(3)));
    }
    const inside = at.filter((value) => value >= from && value <= to);
    if (inside.length <= most) return { from, to, at: inside };
    if (parts.length === 1) return { from, to, at: inside.filter((_, i) => i % Math.ceil(inside.length / most) === 0) };
  }
}

export class RunChart {
  constructor() {
    this.plane = new Plane("gu-chart", 300, () => this.state && this.draw(this.state));
    this.title = element("p", { className: "gx-title gu-title", "aria-hidden": "true" });
    this.el = element("div", {}, this.title, this.plane.el);
  }

  stop() {
    this.plane.stop();
  }

  /** state: { lines: [{ name, place, curve, chosen }], column, across, log }.
   * Returns: a sentence on what is not drawn, or "". */
  draw(state) {
    this.state = state;
    const { column, across, log } = state;
    const lines = state.lines.map((line) => ({ ...line, ...points(line.curve, column, across, log) }));
    const drawn = lines.filter((line) => line.drawn.length);
    const { plane } = this;
    plane.right = drawn.length ? Math.min(plane.width * 0.3, 16 + LETTER * Math.max(...drawn.map(({ name }) => name.length), 6)) : 26;
    const ticks = plane.width < 480 ? 4 : 7;
    const flat = drawn.flatMap((line) => line.drawn);
    const wide = scale(flat.length ? [0, ...flat.map(([x]) => x)] : [0, 1], false, ticks);
    plane.across = { ...wide, to: flat.length ? Math.max(...flat.map(([x]) => x)) : 1, title: axis(across), show: (value) => shown(across, value) };
    plane.across.at = plane.across.at.filter((value) => value <= plane.across.to * (1 + 1e-9));
    plane.up = { ...scale(flat.length ? flat.map(([, y]) => y) : [1, 10], log, 7), log, show: (value) => shown(column, value) };
    const [parts, ends] = [[], []];
    this.title.textContent = `${axis(column)[0].toUpperCase()}${axis(column).slice(1)}`;
    for (const line of drawn) {
      const kind = `${lineClass(line.place)}${line.chosen ? " gu-strong" : ""}`;
      if (line.drawn.length > 1) parts.push(plane.line(line.drawn, `gu-line ${kind}`));
      const [x, y] = line.drawn.at(-1);
      ends.push(shape("circle", { cx: plane.x(x).toFixed(1), cy: plane.y(y).toFixed(1), r: 3.5, class: `gu-end ${kind}` }));
    }
    parts.push(...ends, ...this.#names(drawn));
    if (!drawn.length) parts.push(plane.text((plane.bounds.left + plane.bounds.right) / 2, 140, "Nothing to draw yet", { anchor: "middle" }));
    plane.show(this.#said(drawn), ...parts);
    return notDrawn(lines, state);
  }

  /** The names at the ends of the lines, cut where they are too long, and moved apart. */
  #names(drawn) {
    const { plane } = this;
    const most = Math.floor((plane.right - 12) / LETTER);
    const order = drawn.map((line) => ({ line, y: plane.y(line.drawn.at(-1)[1]) })).sort((a, b) => a.y - b.y);
    let above = -Infinity;
    for (const one of order) above = one.y = Math.max(one.y, above + LINE);
    let below = plane.bounds.bottom + LINE;
    for (const one of order.toReversed()) below = one.y = Math.min(one.y, below - LINE);
    return order.flatMap(({ line, y }) => {
      const [x, height] = line.drawn.at(-1);
      const from = plane.x(x) + 6;
      const lead = shape("line", { x1: from.toFixed(1), y1: plane.y(height).toFixed(1), x2: plane.bounds.right + 6, y2: y.toFixed(1), class: `gu-lead ${lineClass(line.place)}` });
      const name = line.name.length > most ? `${line.name.slice(0, Math.max(1, most - 1))}…` : line.name;
      const text = plane.text(plane.bounds.right + 9, y + 4, name, { className: `gu-name ${lineClass(line.place)}${line.chosen ? " gu-strong" : ""}` });
      return from < plane.bounds.right ? [lead, text] : [text];
    });
  }

  #said(drawn) {
    const { column, across } = this.state;
    if (!drawn.length) return "Chart: nothing to draw yet";
    const ends = drawn.map(({ name, drawn: [...places] }) => `${name} ${shown(column, places.at(-1)[1])} at ${shown(across, places.at(-1)[0])}`);
    return `Chart: ${axis(column)} over ${axis(across)}. Last points: ${ends.join("; ")}`;
  }
}

/** What is left out of a chart, in a sentence, and why. */
function notDrawn(lines, { column, across }) {
  const without = lines.filter(({ drawn, omitted }) => !drawn.length && !omitted).map(({ name }) => name);
  const omitted = lines.reduce((sum, line) => sum + line.omitted, 0);
  const parts = [];
  if (without.length) parts.push(`Without ${axis(column)} over ${axis(across)}: ${without.join(", ")}.`);
  if (omitted) parts.push(`A logarithmic axis leaves out ${omitted} point${omitted === 1 ? "" : "s"} that ${omitted === 1 ? "is" : "are"} not above zero.`);
  return parts.join(" ");
}

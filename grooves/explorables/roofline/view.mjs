// The picture of the explorable `roofline`: two roofs, and the point of an operation below them.
//
// Key idea: both axes are logarithmic and the same for all devices, so that roofs can be compared.

import { Plane } from "../shared/plane.mjs";
import { described } from "./sentences.mjs";
import { shape } from "../shared/svg.mjs";
import { quantity } from "../shared/units.mjs";
import { attainable, BYTES, limits, met, OPERATIONS } from "./workloads.mjs";

const plain = (value) => (value < 1 ? `${value}` : value.toLocaleString("en"));
const ACROSS = { from: 0.01, to: 1e4, log: true, title: "arithmetic intensity, FLOPs per byte", show: (value) => plain(Number(value.toPrecision(1))) };
const UP = { from: 1e8, to: 4e15, log: true, show: (value) => quantity(value, "").trim() };
const LETTER = 7; // pixels: about the width of one

export class RooflineView {
  constructor() {
    this.plane = new Plane("gr-plane", 226, () => this.state && this.draw(this.state), 84);
    Object.assign(this.plane, { across: ACROSS, up: UP });
    this.el = this.plane.el;
  }

  stop() {
    this.plane.stop();
  }

  /** state: device, choice, precision, measured, shown. */
  draw(state) {
    this.state = state;
    const { device, choice, precision, measured, shown } = state;
    const { plane } = this;
    const { peak, bandwidth } = limits(device, precision);
    const ridge = peak / bandwidth;
    const [highest, lowest] = [plane.bounds.top, plane.bounds.bottom];
    const start = Math.max(ACROSS.from, UP.from / bandwidth);
    const at = shown ? met(device, choice, precision) : null;
    const parts = [
      plane.text(plane.bounds.left + 4, highest + 10, "FLOP/s", { className: "gc-axis" }),
      shape("line", { x1: plane.x(ridge), x2: plane.x(ridge), y1: plane.y(peak), y2: lowest, class: "gr-ridge" }),
      plane.text(plane.x(ridge) + 6, lowest - 8, `${plain(Number(ridge.toPrecision(3)))} FLOPs per byte`, { className: "gr-halo" }),
      ...this.#otherRoofs(device, precision, ridge, highest),
      plane.line([[start, start * bandwidth], [ridge, peak]], "gr-slope"),
      plane.line([[ridge, peak], [ACROSS.to, peak]], "gr-flat"),
      ...this.#names(peak, bandwidth, ridge, at),
      ...(device.kind === "measured" ? measured.flatMap((one) => this.#mark(one)) : []),
    ];
    if (at) parts.push(...this.#point(choice, at));
    plane.show(described(device, choice, precision, shown), ...parts);
  }

  /** Where this device's arithmetic would end in other number formats, and what each is called. */
  #otherRoofs(device, precision, ridge, highest) {
    const { plane } = this;
    const { peak: own, bandwidth } = limits(device, precision);
    const names = new Map(); // peaks that are the same share a line
    for (const one of Object.keys(BYTES).filter((one) => one in device.peak_tflops)) {
      const { peak } = limits(device, one);
      names.set(peak, [...(names.get(peak) ?? []), one]);
    }
    let below = highest - 14;
    return [...names].sort(([one], [other]) => other - one).flatMap(([peak, formats]) => {
      const from = peak / bandwidth;
      const rise = peak > own ? [plane.line([[ridge, own], [from, peak]], "gr-other")] : [];
      const line = peak === own ? [] : [...rise, plane.line([[from, peak], [ACROSS.to, peak]], "gr-other")];
      below = Math.max(below + 14, plane.y(peak) + 4); // names stand apart where roofs do not
      return [...line, plane.text(plane.bounds.right + 6, below, formats.join(", "), { className: peak === own ? "gc-strong" : "" })];
    });
  }

  #names(peak, bandwidth, ridge, at) {
    const { plane } = this;
    const start = Math.max(ACROSS.from, UP.from / bandwidth);
    const along = (share) => start ** (1 - share) * ridge ** share;
    const [low, high] = [plane.x(along(0.28)), plane.x(along(0.72))];
    const point = plane.x(at?.intensity || ridge);
    const middle = along(Math.abs(low - point) > Math.abs(high - point) ? 0.28 : 0.72); // away from the point
    const [x, y] = [plane.x(middle), plane.y(middle * bandwidth)];
    const angle = (Math.atan2(plane.y(peak) - y, plane.x(ridge) - x) * 180) / Math.PI;
    const fits = (words, room) => (LETTER * words.length < room ? words : words.split(": ")[1]);
    const onSlope = fits(`memory: ${quantity(bandwidth, "B/s")}`, 0.4 * Math.hypot(plane.x(ridge) - plane.x(start), plane.y(peak) - plane.y(start * bandwidth)));
    const room = plane.bounds.right - plane.x(ridge);
    const onRoof = fits(`arithmetic: ${quantity(peak, "FLOP/s")}`, room);
    const under = LETTER * onRoof.length < room;
    const slope = plane.text(x, y - 9, onSlope, { anchor: "middle", className: "gc-strong gr-halo" });
    slope.setAttribute("transform", `rotate(${angle.toFixed(1)} ${x.toFixed(1)} ${y.toFixed(1)})`);
    const roof = plane.text(plane.bounds.right, plane.y(peak) + (under ? 17 : -8), onRoof, { anchor: "end", className: "gc-strong gr-halo" });
    return [slope, roof];
  }

  #point({ operation }, { intensity, peak, bandwidth, ridge }) {
    const { plane } = this;
    const { left, right, bottom } = plane.bounds;
    const { name } = OPERATIONS[operation];
    const strong = { className: "gc-strong gr-halo" };
    if (intensity < ACROSS.from) {
      const [x, y] = [left + 16, bottom - 16]; // a copy's 0 has no place on this axis
      return [shape("circle", { cx: x, cy: y, r: 7, class: "gr-point" }), plane.text(x + 14, y + 4, `← ${name}`, strong)];
    }
    const at = Math.min(ACROSS.to, intensity);
    const [x, y] = [plane.x(at), plane.y(attainable(at, { peak, bandwidth }))];
    const words = at < intensity ? `${name} →` : name;
    const ends = x + 10 + LETTER * words.length > right; // then it stands on the other side
    const low = intensity > 0.5 * ridge ? 40 : 20; // clear of what is written under the roof
    return [
      shape("line", { x1: x, x2: x, y1: y, y2: bottom, class: "gr-drop" }),
      shape("circle", { cx: x, cy: y, r: 7, class: "gr-point" }),
      plane.text(x + (ends ? -10 : 10), ends ? (y + bottom) / 2 : y + low, words, { anchor: ends ? "end" : "start", ...strong }),
    ];
  }

  /** A point that was measured: what it reached, and what it is called. */
  #mark({ name, intensity, flops_per_s }) {
    const { plane } = this;
    if (intensity < ACROSS.from || intensity > ACROSS.to || flops_per_s < UP.from || flops_per_s > UP.to) return [];
    const [x, y] = [plane.x(intensity), plane.y(flops_per_s)];
    const ends = x + LETTER * name.length > plane.bounds.right;
    return [shape("circle", { cx: x, cy: y, r: 4, class: "gr-measured" }), plane.text(x + (ends ? -8 : 8), y + 4, name, { anchor: ends ? "end" : "start", className: "gr-halo" })];
  }
}

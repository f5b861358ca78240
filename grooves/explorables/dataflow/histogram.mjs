// Latencies of many tokens as a histogram: the chip's single bar beside those of a machine with a
// cache. Chapter 14.

import { Plane } from "../shared/plane.mjs";
import { shape } from "../shared/svg.mjs";
import { ticks } from "./timetable.mjs";

const BINS = 48;

/** How many values lie in each of n equal bins from `from` to `to`; what lies beyond is in the last. */
export function binned(values, from, to, n) {
  const counts = new Array(n).fill(0);
  for (const value of values) counts[Math.max(0, Math.min(n - 1, Math.floor((n * (value - from)) / (to - from))))] += 1;
  return counts;
}

export class Histogram {
  constructor() {
    this.plane = new Plane("gd-histogram", 132, () => this.state && this.draw(this.state), 16);
    this.el = this.plane.el;
  }

  /** state: chip (cycles of each token), latencies (of the other machine), label. */
  draw(state) {
    this.state = state;
    const { plane } = this;
    const { chip, latencies, label } = state;
    const all = [chip, ...latencies];
    const [least, most] = [Math.min(...all), Math.max(...all)];
    const margin = Math.max(20, 0.05 * (most - least));
    const [from, to] = [Math.max(0, least - margin), most + margin];
    const counts = binned(latencies, from, to, BINS);
    const n = Math.max(1, latencies.length);
    plane.across = { from, to, at: ticks(to, plane.width < 480 ? 4 : 8, from), title: "cycles of a token", show: (value) => value.toLocaleString("en") };
    plane.up = { from: 0, to: n, at: [...new Set([0, Math.ceil(n / 2), n])], show: (value) => value.toLocaleString("en") };
    const wide = plane.x(from + (to - from) / BINS) - plane.x(from);
    const bar = (bin, count, className) => {
      const y = Math.min(plane.y(count), plane.y(0) - 2); // the one slow token among hundreds is seen, too
      return shape("rect", { x: (plane.x(from) + bin * wide + 0.5).toFixed(1), y: y.toFixed(1), width: Math.max(2, wide - 1).toFixed(1), height: (plane.y(0) - y).toFixed(1), class: className });
    };
    const bars = counts.flatMap((count, bin) => (count ? [bar(bin, count, "gd-cached")] : []));
    const at = Math.floor((BINS * (chip - from)) / (to - from));
    plane.show(label, ...(latencies.length ? [bar(at, n, "gd-chip"), ...bars] : []));
  }
}

// The pictures of the explorable `trucks`: what has been delivered when, and the law.

import { arrived, tripTime, throughput } from "./delivery.mjs";
import { Plane } from "../shared/plane.mjs";
import { shape } from "../shared/svg.mjs";
import { FLEETS, gigabytes, nanoseconds } from "./sentences.mjs";
import { digits, quantity } from "../shared/units.mjs";

const POINTS = 240; // of a line
const MOST = 2 ** 14; // trips in flight
const [LONG, HIGH] = [92, 14]; // pixels that a fleet's name takes

/** The fleets' names, as text; where two would overprint, the upper one moves up, or both down. */
function labels(plane, found) {
  const [upper, lower] = found.toSorted((a, b) => a.y - b.y);
  if (lower && Math.abs(upper.x - lower.x) < LONG && lower.y - upper.y < HIGH) {
    upper.y = Math.max(plane.bounds.top + 10, lower.y - HIGH);
    lower.y = Math.max(lower.y, upper.y + HIGH);
  }
  return found.map(({ x, y, kind, anchor }) => plane.text(x, y, FLEETS[kind].name, { anchor, className: "gc-strong gt-halo" }));
}

/** Bytes delivered over time; each line up is ten times as many, or more. */
export class DeliveredChart {
  constructor() {
    this.plane = new Plane("gt-chart", 150, () => this.state && this.draw(this.state));
    this.el = this.plane.el;
  }

  /** state: fleets, time, horizon. */
  draw(state) {
    this.state = state;
    const { fleets, time, horizon } = state;
    const { plane } = this;
    const bytes = (fleet, at) => arrived(fleet, at) * fleet.trip_bytes;
    const ends = Object.values(fleets).map((fleet) => bytes(fleet, horizon));
    const least = Math.min(...Object.values(fleets).map(({ trip_bytes }) => trip_bytes));
    plane.across = { from: 0, to: horizon, title: "time", show: nanoseconds };
    plane.up = { from: least / 2, to: 2 * Math.max(...ends, least), log: true, show: (value) => quantity(value, "B") };
    const [parts, named] = [[], []];
    for (const [kind, fleet] of Object.entries(fleets)) {
      const begin = tripTime(fleet);
      if (begin > time) continue;
      const places = Array.from({ length: POINTS + 1 }, (_, i) => begin + ((time - begin) * i) / POINTS).map((at) => [at, bytes(fleet, at)]);
      parts.push(plane.line([[begin, plane.up.from], ...places], `gt-line gt-${kind}`));
      const [x, y] = [plane.x(time), plane.y(places.at(-1)[1])];
      const ends = x + 92 > plane.bounds.right;
      named.push({ kind, x: x + (ends ? -8 : 8), y: ends ? y - 8 : y + 4, anchor: ends ? "end" : "start" });
    }
    const x = plane.x(Math.min(time, horizon));
    parts.push(shape("line", { x1: x, x2: x, y1: plane.bounds.top, y2: plane.bounds.bottom, class: "gt-now" }), ...labels(plane, named));
    const said = Object.entries(fleets).map(([kind, fleet]) => `${FLEETS[kind].name} ${quantity(bytes(fleet, time), "B")}`);
    plane.show(`Delivered within ${nanoseconds(time)}: ${said.join("; ")}.`, ...parts);
  }
}

/** Throughput over trips in flight: a slope, then a roof. */
export class LawChart {
  constructor() {
    this.plane = new Plane("gt-chart", 170, () => this.state && this.draw(this.state));
    this.el = this.plane.el;
    this.plane.across = { from: 1, to: MOST, log: true, title: "trips in flight", show: (value) => value.toLocaleString("en") };
  }

  draw(fleets) {
    this.state = fleets;
    const { plane } = this;
    const rate = (fleet, in_flight) => throughput({ ...fleet, in_flight });
    const [lows, highs] = [1, MOST].map((n) => Object.values(fleets).map((fleet) => rate(fleet, n)));
    plane.up = { from: 10 ** Math.floor(Math.log10(Math.min(...lows))), to: 2 * 10 ** Math.ceil(Math.log10(Math.max(...highs)) - 0.31), log: true, show: gigabytes };
    const [parts, named] = [[], []];
    for (const [kind, fleet] of Object.entries(fleets)) {
      const knee = Math.min(MOST, Math.max(1, (fleet.road_gb_per_s * fleet.latency_ns) / fleet.trip_bytes));
      const places = [1, knee, MOST].map((n) => [n, rate(fleet, n)]);
      const [x, y] = [plane.x(fleet.in_flight), plane.y(throughput(fleet))];
      parts.push(plane.line(places, `gt-line gt-${kind}`), shape("circle", { cx: x, cy: y, r: 6, class: `gt-dot gt-${kind}` }));
      named.push({ kind, x: Math.max(plane.bounds.left + 84, x - 8), y: Math.max(plane.bounds.top + 10, y - 11), anchor: "end" });
    }
    const said = Object.entries(fleets).map(([kind, fleet]) => `${FLEETS[kind].name} with ${digits(fleet.in_flight)} in flight ${gigabytes(throughput(fleet))}, at most ${gigabytes(fleet.road_gb_per_s)}`);
    plane.show(`Throughput rises with the trips in flight until the road is full: ${said.join("; ")}.`, ...parts, ...labels(plane, named));
  }
}

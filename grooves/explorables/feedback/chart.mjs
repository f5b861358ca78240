// How far the model has moved, and what that bought: a point for each time that it learned.
//
// Key idea: a share p of happy stories becomes h with at least h ln(h/p) + (1-h) ln((1-h)/(1-p))
// nats. What a model moves beyond that, it has moved elsewhere. Chapter 10.

import { Plane } from "../shared/plane.mjs";
import { shape } from "../shared/svg.mjs";
import { described, key, share } from "./sentences.mjs";
import { leastKl } from "./telling.mjs";

const POINTS = 100; // of the bound's line

export class Chart {
  constructor() {
    this.plane = new Plane("gf-chart", 190, () => this.state && this.draw(...this.state));
    this.el = this.plane.el;
  }

  /** before: report of the published model, or null. points: reports since, the newest last. */
  draw(taste, before, points) {
    this.state = [taste, before, points];
    const { plane } = this;
    const value = (report) => report[key(taste)];
    const most = Math.max(2, ...points.map(({ kl }) => 1.05 * kl));
    const step = [0.5, 1, 2, 5, 10, 20, 50].find((one) => most / one <= 5) ?? 100;
    const at = Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step);
    const far = at.at(-1);
    const isShare = taste !== "long";
    const words = [before, ...points].filter(Boolean).map(value);
    const [low, high] = isShare ? [0, 1] : [Math.min(100, ...words) - 2, Math.max(110, ...words) + 2];
    plane.across = { from: 0, to: far, at, title: "KL from the published model, nats per story", show: String };
    plane.up = { from: low, to: high, show: isShare ? share : (y) => y.toFixed(0) };
    const parts = [];
    if (before && isShare && value(before) > 0 && value(before) < 1) {
      const p = value(before);
      const bound = Array.from({ length: POINTS + 1 }, (_, i) => p + ((1 - p) * i) / POINTS).map((h) => [leastKl(h, p), h]).filter(([kl]) => kl <= far);
      parts.push(plane.line(bound, "gf-bound"));
      const [x, y] = bound.at(-1);
      parts.push(plane.text(Math.min(plane.x(x) + 6, plane.bounds.right), Math.max(plane.y(y) + 16, plane.bounds.top + 14), "least KL possible", { anchor: plane.x(x) + 130 > plane.bounds.right ? "end" : "start", className: "gf-halo" }));
    }
    const dots = [...(before ? [before] : []), ...points];
    parts.push(plane.line(dots.map((one) => [one.kl, value(one)]), "gf-path"));
    dots.forEach((one, i) => {
      const last = i === dots.length - 1 && i > 0;
      parts.push(shape("circle", { cx: plane.x(one.kl), cy: plane.y(value(one)), r: last ? 7 : 4.5, class: i === 0 ? "gf-start" : last ? "gf-point gf-last" : "gf-point" }));
    });
    plane.show(described(taste, before, points), ...parts);
  }
}

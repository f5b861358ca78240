// The loss surface: a plane through the space of all weights, and the loss at each of its points.
//
// Key idea: 33 weights cannot be drawn, two directions can. A point (a, b) of the plane stands for
// the weights origin + a·first + b·second; the loss there is the height of the surface on
// which training moves. Chapter 02.
// Source: Li, Xu, Taylor, Studer & Goldstein 2018, arXiv:1712.09913 (section 4 for the directions).

import { judge } from "./classifier.mjs";
import { normal } from "../shared/random.mjs";

export const GRID = 31; // places along each direction

const dot = (u, v) => u.reduce((sum, x, i) => sum + x * v[i], 0);
const length = (u) => Math.sqrt(dot(u, u));
const minus = (u, v) => u.map((x, i) => x - v[i]);
const scaled = (u, factor) => u.map((x) => factor * x);

/** The numbers that belong to one neuron: a list of places in the array of weights, for each. */
function neurons(hidden) {
  const each = Array.from({ length: hidden }, (_, j) => [3 * j, 3 * j + 1, 3 * j + 2]);
  const output = Array.from({ length: hidden + 1 }, (_, i) => 3 * hidden + i);
  return [...each, output];
}

/** A random direction in which every neuron's part is as long as the neuron's own weights.
 *
 * Without that, neurons with large weights would hardly be moved and those with small ones thrown
 * about. The paper leaves biases out; here each counts as one of its neuron's weights.
 */
export function normalisedDirection(weights, hidden, draw) {
  const direction = weights.map(() => draw());
  for (const places of neurons(hidden)) {
    const part = (of) => length(places.map((i) => of[i]));
    const factor = part(weights) / part(direction);
    for (const i of places) direction[i] *= factor;
  }
  return direction;
}

/** Two directions at right angles, of length 1, in whose plane lie the path's start, its end, and
 * the place of it that is farthest from the line between those two. Where there is no path yet,
 * random ones take their place.
 */
function alongThePath(path, draw) {
  const found = [];
  const aside = (u) => found.reduce((left, unit) => minus(left, scaled(unit, dot(left, unit))), u);
  const take = (u) => {
    const rest = aside(aside(u)); // twice: after once, what rounding has left may be all there is
    if (found.length < 2 && length(rest) > 1e-9) found.push(scaled(rest, 1 / length(rest)));
  };
  const start = path[0];
  take(minus(path.at(-1), start));
  const offsets = path.map((place) => aside(minus(place, start)));
  take(offsets.reduce((farthest, one) => (length(one) > length(farthest) ? one : farthest)));
  for (let i = 0; i < 3; i++) take(start.map(() => draw()));
  return found;
}

/** A plane: { origin, first, second, centre: [a, b], reach }, of which the square from centre -
 * reach to centre + reach is shown.
 *
 * kind: "path", "random", or "weights" with two: the places of two weights.
 */
export function plane(kind, { weights, hidden, path }, { two = [0, 1], seed = 1 } = {}) {
  const draw = normal(seed);
  if (kind === "random") {
    const [first, second] = [0, 0].map(() => normalisedDirection(weights, hidden, draw));
    return { origin: weights.slice(), first, second, centre: [0, 0], reach: 1 };
  }
  let [origin, first, second] = [weights.slice()];
  if (kind === "weights") {
    [first, second] = two.map((place) => weights.map((_, i) => (i === place ? 1 : 0)));
    for (const place of two) origin[place] = 0; // so that a and b are the two weights themselves
  } else {
    origin = path[0].slice();
    [first, second] = alongThePath([...path, weights], draw);
  }
  const places = project({ origin, first, second }, [...path, weights]).filter((at) => at.every(Number.isFinite));
  const range = [0, 1].map((axis) => {
    const along = places.map((place) => place[axis]);
    return [Math.min(...along), Math.max(...along)];
  });
  const centre = range.map(([low, high]) => (low + high) / 2);
  const reach = Math.max(1.5, ...range.map(([low, high]) => 0.65 * (high - low)));
  return { origin, first, second, centre, reach };
}

/** The places [a, b] of the plane that are nearest to these weights. */
export function project({ origin, first, second }, path) {
  const [ff, fs, ss] = [dot(first, first), dot(first, second), dot(second, second)];
  const volume = ff * ss - fs * fs; // 0 only for parallel directions
  return path.map((weights) => {
    const offset = minus(weights, origin);
    const [f, s] = [dot(offset, first), dot(offset, second)];
    return [(ss * f - fs * s) / volume, (ff * s - fs * f) / volume];
  });
}

/** The losses on a plane, row by row, so that the page can do something else in between. */
export class Surface {
  constructor(plane, { hidden, activation, points }) {
    Object.assign(this, { plane, hidden, activation, points });
    this.losses = new Float64Array(GRID * GRID); // rows from the lowest b to the highest
    this.rows = 0;
  }

  get finished() {
    return this.rows === GRID;
  }

  /** The place (a, b) of column i and row k. */
  at(i, k) {
    const { centre, reach } = this.plane;
    return [i, k].map((n, axis) => centre[axis] + reach * ((2 * n) / (GRID - 1) - 1));
  }

  /** One more row. */
  advance() {
    const { origin, first, second } = this.plane;
    const weights = new Float64Array(origin.length);
    for (let i = 0; i < GRID; i++) {
      const [a, b] = this.at(i, this.rows);
      for (let n = 0; n < weights.length; n++) weights[n] = origin[n] + a * first[n] + b * second[n];
      this.losses[this.rows * GRID + i] = judge(weights, this.hidden, this.activation, this.points).loss;
    }
    this.rows++;
  }

  /** Column and row, not integers, of a place (a, b). */
  where([a, b]) {
    const { centre, reach } = this.plane;
    return [a - centre[0], b - centre[1]].map((off) => ((off / reach + 1) * (GRID - 1)) / 2);
  }
}

/** Lines of equal height through a square grid: for each level, pieces [x1, y1, x2, y2].
 *
 * heights: rows of `size` numbers. A piece's ends are in columns and rows of the grid.
 * Marching squares: a line enters and leaves each square where its edges cross the level.
 */
export function contours(heights, size, levels) {
  const height = ([i, k]) => heights[k * size + i];
  return levels.map((level) => {
    const pieces = [];
    for (let k = 0; k < size - 1; k++) {
      for (let i = 0; i < size - 1; i++) {
        const corners = [[i, k], [i + 1, k], [i + 1, k + 1], [i, k + 1]];
        const crossings = [];
        corners.forEach((from, c) => {
          const to = corners[(c + 1) % 4];
          const [p, q] = [height(from), height(to)];
          if (p < level === q < level) return;
          const t = (level - p) / (q - p);
          crossings.push([from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])]);
        });
        for (let c = 0; c + 1 < crossings.length; c += 2) pieces.push([...crossings[c], ...crossings[c + 1]]);
      }
    }
    return pieces;
  });
}

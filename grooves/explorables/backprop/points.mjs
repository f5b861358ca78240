// Points in the plane of two classes, for the small network of the explorable `backprop`.
//
// Key idea: no straight line parts the classes, so a hidden layer has something to do. Chapter 02.

import { normal, uniform } from "../shared/random.mjs";

const PER_CLASS = 80;

/** For each set, the place of one point: of a class 0 or 1, where u and v are in [0, 1). */
const PLACES = {
  moons: (label, u) => {
    const angle = Math.PI * u;
    const [x, y] = [Math.cos(angle), Math.sin(angle)];
    return label ? [1.1 * (0.5 - x), 1.1 * (0.25 - y)] : [1.1 * (x - 0.5), 1.1 * (y - 0.25)];
  },
  circles: (label, u) => {
    const [angle, radius] = [2 * Math.PI * u, label ? 1.35 : 0.5];
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  },
  xor: (label, u, v) => {
    const [x, y] = [0.2 + 1.2 * Math.abs(2 * u - 1), 0.2 + 1.2 * v];
    const left = u < 0.5;
    return [left ? -x : x, (left === (label === 1) ? 1 : -1) * y];
  },
};
const NOISE = { moons: 0.13, circles: 0.12, xor: 0.05 };

export const SETS = Object.keys(PLACES);

/** Points { x, y, labels }: arrays of 160 numbers, of which every second one is of class 1. */
export function points(set, seed = 1) {
  const [next, around] = [uniform(seed), normal(seed + 1000)];
  const n = 2 * PER_CLASS;
  const made = { x: new Float64Array(n), y: new Float64Array(n), labels: new Uint8Array(n) };
  for (let i = 0; i < n; i++) {
    const label = i % 2;
    const [x, y] = PLACES[set](label, next(), next());
    made.labels[i] = label;
    made.x[i] = x + NOISE[set] * around();
    made.y[i] = y + NOISE[set] * around();
  }
  return made;
}

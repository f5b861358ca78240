// A schedule with what a reader looks up in it: who reads what, in which order, on which path.
// Chapter 14.

import { criticalPath, longest, schedule, Timing } from "./scheduler.mjs";
import { packed } from "./timetable.mjs";

const DEFAULTS = { inputs: [], after: {}, lanes: 0, occupies: 1, plane: -1, tile: "", reads: "", bytes: 0, per_token: 0, values: [] };

/** A recorded program with what its operations leave out. */
export const complete = (rows) => rows.map((row) => ({ ...DEFAULTS, ...row }));

/** The schedule of a recorded program. chip: facts as the page has them; latencies: of the same names;
 * vectorUnits: how many vector units there are in place of the chip's. */
export function planned(rows, chip, latencies, vectorUnits) {
  const operations = complete(rows);
  const timing = new Timing({ ...chip, latencies, units: { ...chip.units, vector: vectorUnits } });
  const found = schedule(operations, timing);
  const path = criticalPath(operations, timing, found);
  const onPath = new Set(path);
  const bars = operations.map(({ unit }, i) => ({ unit, start: found.start[i], end: found.ends[i], critical: onPath.has(i) }));
  const readers = operations.map(() => []);
  operations.forEach(({ inputs }, i) => inputs.forEach((j) => typeof j === "number" && readers[j].push(i)));
  // In order of issue; in one cycle, what lies on the critical path comes first.
  const order = operations.map((_, i) => i).sort((a, b) => found.start[a] - found.start[b] || onPath.has(b) - onPath.has(a) || a - b);
  const slack = found.left.map((left, i) => found.cycles - found.start[i] - left);
  return { ...found, operations, timing, path, onPath, bars, readers, order, slack, longest: longest(operations, timing), layout: packed(bars) };
}

/** The name of the program with the shortest critical path. */
export function shortest(programs, chip) {
  const timing = new Timing(chip);
  const cycles = (name) => longest(complete(programs[name]), timing);
  return Object.keys(programs).reduce((best, one) => (cycles(one) < cycles(best) ? one : best));
}

/** The operation that was issued last, up to a cycle. */
export function issuedAt({ order, start }, cycle) {
  const last = start[order.findLast((i) => start[i] <= cycle) ?? order[0]];
  return order.find((i) => start[i] === last);
}

/** The operation one step from another, in order of issue or along the critical path.
 * by: "operation" or "path"; step: 1 or -1. */
export function stepped({ order, path, start }, chosen, by, step) {
  const all = by === "path" ? path : order;
  const at = all.indexOf(chosen);
  if (at >= 0) return all[Math.max(0, Math.min(all.length - 1, at + step))];
  const next = step > 0 ? all.find((i) => start[i] >= start[chosen]) : all.findLast((i) => start[i] <= start[chosen]);
  return next ?? all.at(step > 0 ? -1 : 0);
}

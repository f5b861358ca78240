// A static schedule: grooves/hardware/dataflow/schedule.py once more. Chapter 14.
//
// Key idea: list scheduling. A free unit gets the waiting operation from which the longest path
// leads to the end. No schedule can be shorter than that path.

/** How long everything takes on a chip with other latencies or more units.
 *
 * chip: { latencies (cycles by name), units (how many of each kind), transcendental (kinds) }.
 */
export class Timing {
  constructor({ latencies, units, transcendental }) {
    Object.assign(this, { latencies, units, transcendental });
  }

  /** Cycles from issue until the result leaves the unit, if it occupies the unit for one. */
  latency({ unit, kind }) {
    const slow = unit === "vector" && this.transcendental.includes(kind);
    return this.latencies[slow ? "transcendental" : unit];
  }

  duration(o) {
    return this.latency(o) + o.occupies - 1;
  }

  /** Cycles from one unit to another. */
  travel(from, to) {
    if (from === "vector" && to === "vector") return 0;
    const near = [from, to].some((unit) => ["memory", "weights", "link"].includes(unit));
    return this.latencies[near ? "near" : "far"];
  }

  /** What lies in memory before the program begins is at a unit after so many cycles. */
  fromMemory(to) {
    return this.latencies.memory + this.travel("memory", to);
  }

  /** Cycles between issues that no value passes between, by their reason. */
  gap(reason) {
    const { matrix, weights, memory, near } = this.latencies;
    return { displaced: Math.max(1, matrix - weights + 1), next: 1, append: 1 - (memory + near) }[reason];
  }
}

/** Of each operation, pairs [index, cycles]: it begins at least so long after the other's issue. */
function needed(operations, timing) {
  return operations.map((o) => [
    ...o.inputs.filter((i) => typeof i === "number").map((i) => [i, timing.duration(operations[i]) + timing.travel(operations[i].unit, o.unit)]),
    ...Object.entries(o.after).flatMap(([reason, all]) => all.map((i) => [i, timing.gap(reason)])),
  ]);
}

/** Cycles from the issue of each operation to the end of the program, if nothing is busy. */
export function pathsToEnd(operations, timing) {
  const left = operations.map((o) => timing.duration(o));
  const needs = needed(operations, timing);
  for (let i = operations.length - 1; i >= 0; i -= 1) {
    for (const [j, gap] of needs[i]) left[j] = Math.max(left[j], gap + left[i]);
  }
  return left;
}

/** { start, number (which unit of its kind), cycles, left (paths to the end) } of each operation. */
export function schedule(operations, timing) {
  const [left, needs] = [pathsToEnd(operations, timing), needed(operations, timing)];
  const start = new Array(operations.length).fill(-1);
  const number = [...start];
  const ready = [...start]; // the cycle from which an operation may begin, once that is known
  const free = Object.fromEntries(Object.entries(timing.units).map(([unit, n]) => [unit, new Array(n).fill(0)]));
  const from = (i) => {
    if (ready[i] < 0 && needs[i].every(([j]) => start[j] >= 0)) {
      const memory = operations[i].inputs.some((name) => typeof name === "string") ? timing.fromMemory(operations[i].unit) : 0;
      ready[i] = needs[i].reduce((most, [j, gap]) => Math.max(most, start[j] + gap), memory);
    }
    return ready[i];
  };
  let waiting = operations.map((_, i) => i);
  for (let cycle = 0; waiting.length; ) {
    const [now, later] = [[], []];
    let soonest = Infinity;
    for (const i of waiting) {
      const at = from(i);
      if (at >= 0 && at <= cycle) now.push(i);
      else {
        later.push(i);
        if (at >= 0) soonest = Math.min(soonest, at);
      }
    }
    for (const i of now.sort((a, b) => left[b] - left[a] || a - b)) {
      const { unit, plane, occupies } = operations[i];
      const units = free[unit];
      const one = unit === "matrix" ? (units[plane] <= cycle ? plane : -1) : units.findIndex((until) => until <= cycle);
      if (one < 0) later.push(i);
      else {
        [start[i], number[i]] = [cycle, one];
        units[one] = cycle + occupies;
      }
    }
    if (!now.length && soonest === Infinity) throw new Error("operations come before their inputs");
    waiting = later;
    cycle = now.length ? cycle + 1 : soonest; // where nothing is ready, nothing can change
  }
  const ends = operations.map((o, i) => start[i] + timing.duration(o));
  return { start, number, ends, left, cycles: Math.max(...ends) };
}

/** The operations that could not begin earlier, from the first to the last, as indices. */
export function criticalPath(operations, timing, { start, ends, cycles }) {
  const needs = needed(operations, timing);
  const path = [ends.indexOf(cycles)];
  for (;;) {
    const reasons = needs[path[0]].map(([j, gap]) => [start[j] + gap, operations[j].name, j]);
    if (!reasons.length) return path;
    const last = reasons.reduce((a, b) => (b[0] > a[0] || (b[0] === a[0] && b[1] > a[1]) ? b : a));
    path.unshift(last[2]);
  }
}

/** The longest path alone: cycles on a chip with as many units as anybody could use. */
export function longest(operations, timing) {
  const left = pathsToEnd(operations, timing);
  const before = operations.map(({ unit, inputs }) => (inputs.some((name) => typeof name === "string") ? timing.fromMemory(unit) : 0));
  return Math.max(...left.map((cycles, i) => cycles + before[i]));
}

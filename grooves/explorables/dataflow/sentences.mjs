// What the explorable `dataflow` says, with its numbers.

import { quantity } from "../shared/units.mjs";

export const count = (value) => Math.round(value).toLocaleString("en");

/** The name of a program for readers. */
export const title = (program) => program[0].toUpperCase() + program.slice(1);

const DOES = {
  multiply: ({ tile, lanes }) => `multiplies a vector by the matrix “${tile.split(" after ")[0]}”: ${count(lanes)} sums`,
  install: ({ tile, plane }) => `loads the matrix “${tile.split(" after ")[0]}” into plane ${plane}`,
  lookup: ({ lanes }) => `reads ${count(lanes)} values of a table from memory`,
  append: () => "writes a key or a value into the cache",
  write: () => "writes a result to memory",
  move: () => "moves values to other lanes",
  transpose: () => "transposes: a row becomes a column",
  send: () => "sends a vector to another chip",
  add: () => "adds, lane by lane",
  sub: () => "subtracts, lane by lane",
  mul: () => "multiplies, lane by lane",
  maximum: () => "takes the larger of two values, lane by lane",
  neg: () => "changes the sign, lane by lane",
  square: () => "squares, lane by lane",
  relu: () => "replaces negative values with 0, lane by lane",
  exp: () => "computes exp, lane by lane",
  reciprocal: () => "computes 1/x, lane by lane",
  rsqrt: () => "computes 1/√x, lane by lane",
  sqrt: () => "computes √x, lane by lane",
};

/** What an operation does, in words. */
export const does = (operation) => (DOES[operation.kind] ?? (({ kind }) => `computes ${kind}, lane by lane`))(operation);

/** A number with a minus sign, and a small one with a power of ten. */
function scientific(value) {
  const [digits, power] = `${value}`.split("e-");
  const raised = power ? ` × 10⁻${[...power].map((one) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[one]).join("")}` : "";
  return digits.replace("-", "−") + raised;
}

/** The values that an operation makes, as far as they are known. */
function made({ values, kind, lanes }) {
  const [first, n, ...shown] = values;
  if (!values.length) return ["install", "append", "write"].includes(kind) ? "It makes no vector." : `It makes ${count(lanes)} values.`;
  const texts = shown.map((value) => scientific(value));
  return `It makes ${n === 1 ? "1 value" : `${count(n)} values`}, from lane ${first} on: ${texts.join(", ")}${n > shown.length ? ", …" : "."}`;
}

/** Which unit, when, how urgent, and with what result. */
export function described(plan, i, cycle) {
  const { operations, start, ends, number, slack, onPath, bars } = plan;
  const { unit, name } = operations[i];
  const others = bars.filter((bar) => bar.start <= cycle && cycle < bar.end).length;
  const before = plan.path[plan.path.indexOf(i) - 1];
  const waited = before !== undefined && !operations[i].inputs.includes(before) ? ` It had to wait for “${operations[before].name}”, though it reads nothing of it.` : "";
  const waits = slack[i] ? ` It could begin ${count(slack[i])} ${slack[i] === 1 ? "cycle" : "cycles"} later.` : "";
  const urgent = onPath.has(i) ? ` It lies on the critical path.${waited}` : waits;
  const flight = `In flight in cycle ${count(cycle)}: ${others} ${others === 1 ? "operation" : "operations"}.`;
  return { head: `Cycles ${count(start[i])} to ${count(ends[i])}, ${unit} ${number[i]}: ${name}`, text: `It ${does(operations[i])}.${urgent} ${flight}`, result: made(operations[i]) };
}

/** The timetable in words. */
export function pictured(plan, i) {
  const { cycles, path, operations, start, ends } = plan;
  return `Timetable of ${operations.length} operations in ${count(cycles)} cycles, ${path.length} of them on the critical path. Chosen: ${operations[i].name}, cycles ${count(start[i])} to ${count(ends[i])}.`;
}

/** Two schedules on one axis, in words; the second may not be shown yet. */
export function versus(one, a, other, b) {
  const said = ({ operations, cycles, path }) => `${operations.length} operations in ${count(cycles)} cycles, ${path.length} of them on the critical path`;
  return `${one}: ${said(a)}. ${other[0].toUpperCase()}${other.slice(1)}: ${b ? said(b) : "not shown yet"}.`;
}

/** Cycles as time and as tokens per second. */
export function rate(cycles, clock) {
  return `${count(cycles)} cycles = ${quantity(cycles / clock, "s")}, ${count(Number((clock / cycles).toPrecision(3)))} tokens/s`;
}

/** The question before the answer. before: cycles of a token. */
export function question({ change, ask }, before) {
  return `${change}. A token takes ${count(before)} cycles now: how many ${ask} will it take?`;
}

/** What a change did to the cycles. */
export function verdict({ name }, before, after) {
  const saved = before - after;
  const share = Math.abs(saved) / before;
  const text = share < 0.001 ? (saved ? "less than 0.1%" : "no difference") : `${(100 * share).toFixed(share < 0.095 ? 1 : 0)}% ${saved > 0 ? "fewer" : "more"}`;
  return `${name}: ${count(before)} cycles become ${count(after)}, ${text}.`;
}

/** What binds the schedule. */
export function bound({ cycles, longest, operations }) {
  const idle = cycles - longest;
  const rest = idle > 0 ? `with more vector, switch or memory units it could save ${count(idle)} of ${count(cycles)} cycles at most` : "more vector, switch or memory units could save none";
  return `${operations.length} operations; the longest path takes ${count(longest)} cycles, so ${rest}.`;
}

/** The last token on the machine with a cache, and all so far. */
export function token({ cycles, misses, noisy }, line_bytes) {
  const kilobytes = (noisy * line_bytes) / 1000;
  return `Other programs read ${quantity(1000 * kilobytes, "B")} in between. ${count(misses)} cache ${misses === 1 ? "line was" : "lines were"} missing, ${count(cycles)} cycles.`;
}

export function tail(latencies, quantile, chip) {
  if (!latencies.length) return "No token yet.";
  const [median, p99, worst] = [0.5, 0.99, 1].map((share) => quantile(latencies, share));
  const n = latencies.length;
  return `${n === 1 ? "1 token" : `${count(n)} tokens`}: median ${count(median)}, p99 ${count(p99)}, longest ${count(worst)} cycles (${(worst / median).toFixed(2)} times the median). The chip: ${count(chip)} every time.`;
}

/** The pair of timetables in words. */
export function compared(chip, cached, misses) {
  return `Two timetables on one axis. The chip takes ${count(chip)} cycles; this token on the machine with a cache took ${count(cached)}, with ${count(misses)} cache lines missing.`;
}

export function histogramLabel(latencies, chip) {
  const [least, most] = [Math.min(...latencies), Math.max(...latencies)];
  const range = latencies.length ? `from ${count(least)} to ${count(most)} cycles` : "none yet";
  return `Latencies of ${count(latencies.length)} tokens on the machine with a cache: ${range}. On the chip all take ${count(chip)} cycles.`;
}

// What the explorable `serving` says, with its numbers.

import { digits, quantity } from "../shared/units.mjs";

const seconds = (value) => quantity(value, "s");
const share = (value) => `${Math.round(100 * value)}%`;
const count = (value) => Math.round(value).toLocaleString("en");

/** The figures in the order of the table: key of `summary`, name, and how its value is written. */
export const FIGURES = [
  ["firstMedian", "Time to first token, median", seconds],
  ["first99", "Time to first token, p99", seconds],
  ["gap99", "Time between tokens, p99", seconds],
  ["gapLongest", "Time between tokens, max", seconds],
  ["totalMedian", "End to end, median", seconds],
  ["words", "Tokens per second", count],
  ["slots", "Slots in use, mean", share],
  ["padding", "Padding among computed", share],
  ["preemptions", "Preemptions", count],
];

const NAMES = Object.fromEntries(FIGURES.map(([key, name]) => [key, name.toLowerCase().replace(", ", " (").concat(name.includes(",") ? ")" : "")]));

/** The question before the answer. before: the value of the experiment's measure. */
export function question({ change, measure }, before) {
  return `${change}. What happens to the ${NAMES[measure]}, now ${seconds(before)}?`;
}

/** What happened to the measure. */
export function verdict({ measure, name }, before, after) {
  const ratio = after / before;
  const name_ = FIGURES.find(([key]) => key === measure)[1];
  const change = ratio >= 2 ? `is ${digits(Number(ratio.toPrecision(2)))} times as long` : `${ratio < 1 ? "falls" : "rises"} by ${share(Math.abs(ratio - 1))}`;
  return `${name}: ${name_[0].toLowerCase()}${name_.slice(1)}, ${change}.`;
}

/** For screen readers: the chosen policy's figures beside the other's. */
export function news(policy, summaries) {
  const other = policy === "static" ? "continuous" : "static";
  const [mine, others] = [summaries[policy], summaries[other]];
  const pair = (key) => `${seconds(mine[key])}, ${other} ${seconds(others[key])}`;
  return `${policy} batching: time to first token, median ${pair("firstMedian")}; p99 ${pair("first99")}; time between tokens, p99 ${pair("gap99")}; ${count(mine.words)} tokens per second, ${other} ${count(others.words)}.`;
}

/** The timetable in words. rows: requests shown, in order. */
export function described(policy, rows) {
  const waits = rows.map(({ arrival, times }) => times[0] - arrival);
  const preempted = rows.filter(({ preemptions }) => preemptions.length).length;
  const some = preempted ? `; ${preempted} of them preempted` : "";
  return `Timetable of requests ${rows[0].name + 1} to ${rows.at(-1).name + 1} with ${policy} batching: first tokens come ${seconds(Math.min(...waits))} to ${seconds(Math.max(...waits))} after arrival, and the last token comes ${seconds(Math.max(...rows.map(({ times }) => times.at(-1))) - rows[0].arrival)} after the first arrival${some}.`;
}

/** Texts of the sliders. */
export const says = {
  load: (load, rate) => `${share(load)}, ${digits(rate)} per s`,
  batch: (batch) => `${batch} ${batch === 1 ? "slot" : "slots"}`,
  budget: (budget) => (budget === null ? "no limit" : `${budget} per step`),
  blocks: (blocks, size) => `${(blocks * size).toLocaleString("en")} tokens`,
  drafts: (drafts) => (drafts ? `${drafts} per step` : "none"),
  acceptance: (acceptance) => `${share(acceptance)} of drafts`,
};

/** A row of the table under the timetable. */
export function cells({ name, arrival, nPrompt, times, preemptions }, zero) {
  return [name + 1, seconds(arrival - zero), nPrompt, seconds(times[0] - arrival), seconds(times.at(-1) - arrival), times.length, preemptions.length];
}

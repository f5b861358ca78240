// What the explorable `feedback` says, with its numbers.

import { digits } from "../shared/units.mjs";
import { toText } from "../shared/oracle.mjs";
import { TASTES } from "./telling.mjs";

export const share = (value) => `${Math.round(100 * value)}%`;
export const nats = (value) => `${value < 10 ? value.toFixed(2) : digits(value)} nats`;
const thumbs = (n) => `${n} ${n === 1 ? "thumb" : "thumbs"}`;

/** The rows of the table: key of `report`, name, and how its value is written. */
export const FIGURES = [
  ["happy", "Happy ending", share],
  ["girl", "About a girl", share],
  ["owl", "With an owl", share],
  ["words", "Words per story", (value) => value.toFixed(1)],
  ["accepted", "Accepted by the grammar", share],
  ["kl", "Moved: KL, nats per story", (value, { klError }) => (value > 1e-9 ? `${digits(Number(value.toPrecision(3)))} ± ${digits(Number(klError.toPrecision(1)))}` : "0")],
];

/** The value of a taste, as text. */
export const written = (taste, value) => (taste === "long" ? value.toFixed(1) : share(value));
export const heading = (taste) => (taste === "long" ? "Words per story, against KL" : `Share of ${TASTES[taste][0]}, against KL`);
const axis = (taste) => (taste === "long" ? "words per story" : `share of ${TASTES[taste][0]}`);

/** What is being done: { what: "pool", "fit" or "told", done, of }, or null. */
export function progress(now, n) {
  if (!now) return n ? "" : "Nothing is learned yet. Give a thumb to the story that you like better.";
  const { what, done, of } = now;
  return { pool: `The published model tells stories to learn from: ${done} of ${of}`, fit: `Fitting the weights: step ${done} of ${of}`, told: `The changed model tells stories: ${done} of ${of}` }[what];
}

/** What was learned: beta, n thumbs, effective number of stories, the change's size. */
export function summary({ n, beta, effective, pool, size }) {
  return `Learned from ${thumbs(n)} with β = ${beta}. Weighted by the judge, the ${pool} stories count as much as ${Math.round(effective)} with equal weights. The change of the output layer has norm ${size.toFixed(1)}.`;
}

/** For screen readers. */
export function news(n, before, after) {
  return `After ${thumbs(n)}: ${share(after.happy)} happy endings, before ${share(before.happy)}; ${share(after.girl)} about a girl, before ${share(before.girl)}; ${after.words.toFixed(1)} words per story, before ${before.words.toFixed(1)}; ${share(after.accepted)} accepted, before ${share(before.accepted)}; moved by ${nats(after.kl)} per story.`;
}

/** The chart in words. points: reports, the newest last. */
export function described(taste, before, points) {
  if (!before) return "No measurement yet: how far the model has moved, and what it has become.";
  const said = points.map((one) => `${nats(one.kl)}: ${written(taste, one[key(taste)])}`);
  return `${axis(taste)} against KL from the published model: 0 nats: ${written(taste, before[key(taste)])}${said.length ? "; " : ""}${said.join("; ")}`;
}

export const key = (taste) => (taste === "long" ? "words" : taste);

/** A story as text, with what the parser says of it. */
export function story({ words, ending }) {
  const verdict = ending === null ? "not accepted by the grammar" : `accepted, ${ending} ending`;
  return { text: toText(words), verdict: `${words.length} words, ${verdict}` };
}

// What the explorable `sampling` says: every sentence that depends on numbers, as plain text.
//
// Key idea: an infinite distance is stated with its reason, and a verdict names the word. Chapter 08.

import { percent } from "../shared/story_sentences.mjs";
import { NEUTRAL } from "./samplers.mjs";
import { interval } from "./telling.mjs";

export const named = (word, oracle) => (word === oracle.end ? "the end" : `“${word}”`);
const plural = (n, one, several) => `${n} ${n === 1 ? one : several}`;

/** The settings that differ from the defaults, as a label: "top-p 0.9". */
export function label(settings) {
  if (settings.temperature === 0) return "greedy";
  const changed = Object.entries(settings).filter(([name, value]) => value !== NEUTRAL[name]);
  return changed.map(([name, value]) => `${name.replace("_", "-")} ${value}`).join(", ") || "temperature 1";
}

/** A distance for people. */
export function nats(value) {
  if (value === Infinity) return "∞";
  if (value < 1e-9) return "0 nats";
  return value < 0.0001 ? "<\u00a00.0001\u00a0nats" : `${value.toFixed(4)}\u00a0nats`;
}

/** Words of a list by name: the first n, and how many others. */
function some(words, n) {
  const others = words.length - n;
  if (others > 1) return `${words.slice(0, n).join(", ")} and ${others} others`;
  return words.length === 1 ? words[0] : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** Why each distance is what it is: { forward, backward }. found: of `distances`; cut: of `sampled`. */
export function reasons(found, cut, oracle) {
  const word = (i) => named(oracle.vocabulary[i], oracle);
  const { missing, impossible, missingMass, impossibleMass } = found;
  const steps = [...new Set(missing.map((i) => cut.get(i) ?? "rounding"))];
  const forward = missing.length
    ? `Infinite, because ${some(steps, 4)} cut${steps.length === 1 ? "s" : ""} ${some(missing.map(word), 2)}, which can follow here: ${percent(missingMass)} in the language.`
    : "Finite, because every word that can follow can still be drawn.";
  const backward = impossible.length
    ? `Infinite, because ${some(impossible.map(word), 2)} can be drawn and cannot follow here: ${percent(impossibleMass)} in all.`
    : "Finite, because no impossible word can be drawn.";
  return { forward, backward };
}

/** Words that are not among the rows of bars. n: how many; p, q: their probabilities together;
 * possible: how many of them can follow in the language. */
export function hidden({ n, possible, p, q }) {
  const of = possible === n ? " can follow" : possible ? `, ${possible} of which can follow` : ", none of which can follow";
  return n ? `${plural(n, "other word", "other words")}${of}: language ${percent(p)}, sampler ${percent(q)}.` : "No other word can follow or be drawn.";
}

// ---- stories ----------------------------------------------------------------------------------

/** "88 to 97%". */
export function range(k, n) {
  const [low, high] = interval(k, n).map((one) => Math.round(100 * one));
  return `${low} to ${high}%`;
}

/** What a run found. run: { told, accepted, nats, drawn, of, label }. */
export function summary({ told, accepted, nats: sum, drawn, label: name, source }) {
  const who = source === "language" ? "a perfect model with " : "";
  return `${who}${name}: ${accepted} of ${told} stories accepted (95% interval ${range(accepted, told)}), ${(sum / drawn).toFixed(3)} nats per word.`;
}

/** The verdict on one story. */
export function verdict({ words, wrong }, number, oracle) {
  if (wrong === null) return `Story ${number}: accepted.`;
  if (wrong === words.length) return `Story ${number}: not accepted, because it stops before its end.`;
  return `Story ${number}: not accepted; word ${wrong + 1}, ${named(words[wrong], oracle)}, cannot stand there.`;
}

// ---- the beam ---------------------------------------------------------------------------------

export const logP = (value) => value.toFixed(2).replace("-", "−");

const ENDS = {
  settled: "Search over: no live hypothesis can still beat the finished ones.",
  none: "Search over: no hypothesis is live.",
  room: "Search over: the context is full.",
};

/** What the beam has come to, in two sentences. */
export function progress(beam) {
  const { live, finished, steps, over, read } = beam;
  const done = `Step ${steps.length - 1}: ${live.length} live, ${finished.length} finished, ${read.toLocaleString("en")} ${read === 1 ? "word" : "words"} predicted.`;
  if (!over) return done;
  const best = beam.found[0];
  const length = best.tokens.length;
  const empty = beam.finished.length > 0 && length === 0;
  const won = empty ? "The empty story wins: the end mark is unlikely as a first word, but a whole story is less likely still." : `The best text has ${plural(length, "word", "words")}.`;
  return `${done} ${ENDS[over]} ${won}`;
}

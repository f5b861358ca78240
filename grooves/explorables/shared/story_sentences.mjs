// What the explorable `attention` says: every sentence that depends on the story, as plain text.
//
// Key idea: what can be seen can be read. A fault is named with its remedy, which is a word to
// choose; a number is rounded in one place, so that nothing is called certain that is not.

import { divergence } from "./story.mjs";
import { nearest } from "./oracle.mjs";

const quoted = (word) => `“${word}”`;

/** A probability for people: 62%, 3.4%, < 0.1%; 100% and 0% only where they are exact. */
export function percent(p) {
  const number = p < 0.1 || p > 0.99 ? (100 * p).toFixed(1) : Math.round(100 * p);
  if (p === 0 || p === 1) return `${100 * p}%`;
  if (p < 0.001) return "<\u00a00.1%";
  return p > 0.999 ? ">\u00a099.9%" : `${number}%`;
}

/** What is wrong with the words of a prompt, and what corrects it.
 *
 * story: what could be read of them. open: whether the reader may still be typing the last word.
 * Returns: { text, wrong (whether the model cannot go on), at (the word), instead: words }.
 */
export function advice(story, words, open) {
  const { vocabulary, index } = story.oracle;
  const at = words.findIndex((word) => !index.has(word));
  if (at >= 0) {
    const fitting = story.possible(at);
    const unfinished = open && at === words.length - 1;
    const longer = unfinished ? vocabulary.filter((word) => word.startsWith(words[at])) : [];
    if (longer.length) {
      longer.sort((a, b) => fitting.includes(b) - fitting.includes(a));
      return { text: `${quoted(words[at])} may become:`, wrong: true, at, instead: longer.slice(0, 6) };
    }
    const text = `${quoted(words[at])} is not one of the ${vocabulary.length - 1} words in this model’s vocabulary. Try:`;
    const near = nearest(words[at], vocabulary.slice(1));
    return { text, wrong: true, at, instead: [...new Set([...near, ...fitting])].slice(0, 10) };
  }
  if (words.length > story.longest) {
    const text = `The start has ${words.length} words; this model reads ${story.longest} at most.`;
    return { text, wrong: true, at, instead: [] };
  }
  if (story.impossible !== null) {
    const first = story.impossible;
    const text =
      `No story of the language has ${quoted(words[first])} as its word ${first + 1}. ` +
      "The model continues all the same. Words that fit:";
    return { text, wrong: false, at: first, instead: story.possible(first).slice(0, 8) };
  }
  return { text: "", wrong: false, at, instead: [] };
}

/** Whether what was told is a story of the language; nothing while it goes on. */
export function judgement(story) {
  if (!story.finished) return "";
  const first = story.impossible;
  if (first !== null) {
    const some = story.possible(first).slice(0, 3).map(quoted).join(", ");
    const instead = some ? `; words that fit: ${some}` : "";
    return `Not a story of the language: word ${first + 1} cannot be ${quoted(story.words[first])}${instead}.`;
  }
  if (!story.ended) return "The text is as long as this model can read.";
  const end = story.oracle.index.get(story.oracle.end);
  const whole = story.exact(story.words.length)[end] > 0;
  return whole ? "It is a story of the language." : "Not a story of the language: it ends too early.";
}

/** What the word before a place attends to most, in a head. */
export function looking(story, place, layer, head) {
  const looks = story.looks(place, layer, head);
  const order = [...looks.keys()].sort((i, j) => looks[j] - looks[i]).slice(0, 3);
  const name = (i) => (i === 0 ? "the start" : i === place ? "itself" : quoted(story.words[i - 1]));
  const parts = order.filter((i) => looks[i] >= 0.01).map((i) => `${name(i)} ${percent(looks[i])}`);
  const subject = place ? `${quoted(story.words[place - 1])} (word ${place})` : "The start";
  const far = story.distance(layer, head).toFixed(1);
  return (
    `In layer ${layer + 1}, head ${head + 1}, ${subject} attends to ${parts.join(", ")}. ` +
    `On average over the text, this head attends ${far} words back.`
  );
}

/** How far the model's probabilities of a next word are from the exact ones, (V,) each. */
export function distance(model, exact) {
  if (!exact) return "The text has left the language, so there is no exact answer here.";
  const { gap, entropy } = divergence(exact, model);
  const possible = exact.filter((p) => p > 0).length;
  if (possible === 1) {
    return `Only one word is possible here. The model’s loss is ${gap.toFixed(4)} nats.`;
  }
  return (
    `${possible} words are possible here, with an entropy of ${entropy.toFixed(2)} nats, the lowest ` +
    `loss possible. The model’s expected loss is ${gap.toFixed(4)} nats higher.`
  );
}

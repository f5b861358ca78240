// Stories told with the changed model, and what is measured of each. Chapter 10.
//
// Key idea: while a story is told, the frozen model's distribution of every word is there, too, so
// the exact divergence of the two is summed word by word, with no estimate from what was drawn.

import { draw, randomNumber } from "../shared/model.mjs";
import { softmax } from "../shared/softmax.mjs";

const END = 0;

/** Tell a story. update: a `LowRank`. keep: whether states and references are needed.
 *
 * Returns: { tokens (the end mark included, if there is one), words, ended, ending: "happy", "sad",
 * or null where the story is not accepted; kl in nats; states, references: of each token }.
 */
export function tell(transformer, oracle, update, seed, keep = false) {
  const reading = transformer.read();
  reading.push(END);
  const story = { tokens: [], words: [], ended: false, ending: null, kl: 0, states: [], references: [] };
  const { context } = transformer.config;
  let states = oracle.begin();
  while (!story.ended && story.tokens.length < context) {
    const { state, scores } = reading.places.at(-1);
    const reference = softmax(scores);
    const { p, kl } = update.changed(reference, state);
    const token = draw(p, randomNumber(seed, story.tokens.length));
    story.kl += kl;
    story.tokens.push(token);
    story.states.push(state);
    if (keep) story.references.push(Float32Array.from(reference));
    if (states.length) states = oracle.read(states, oracle.vocabulary[token]);
    if (token === END) {
      story.ended = true;
      story.ending = states[0]?.memory.label ?? null;
    } else {
      story.words.push(oracle.vocabulary[token]);
      if (story.tokens.length < context) reading.push(token);
    }
  }
  return story;
}

/** The states of given words, as of a told story. */
export function read(transformer, oracle, words) {
  const reading = transformer.read();
  reading.push(END);
  const tokens = words.map((word) => oracle.index.get(word)).slice(0, transformer.config.context - 1);
  for (const token of tokens) reading.push(token);
  return { words, states: reading.places.map(({ state }) => state) };
}

const has = (list, ...some) => some.reduce((n, word) => n + list.filter((one) => one === word).length, 0);

/** Tastes that a simulated reader may have: name, and a number; the higher one gets the thumb. */
export const TASTES = {
  happy: ["happy endings", ({ ending }) => Number(ending === "happy")],
  long: ["long stories", ({ words }) => words.length],
  girl: ["stories about a girl", ({ words }) => Number(has(words, "she", "She", "her", "Her") > has(words, "he", "He", "his", "His"))],
  owl: ["stories with an owl", ({ words }) => Number(has(words.slice(0, 16), "owl") > 0)],
};

/** What many stories are like: shares, mean length, and KL with its standard error. */
export function report(stories) {
  const n = stories.length;
  const mean = (value) => stories.reduce((sum, story) => sum + value(story), 0) / n;
  const kl = mean((story) => story.kl);
  const spread = Math.sqrt(mean((story) => (story.kl - kl) ** 2));
  return {
    n,
    happy: mean(TASTES.happy[1]),
    accepted: mean(({ ending }) => Number(ending !== null)),
    words: mean(TASTES.long[1]),
    girl: mean(TASTES.girl[1]),
    owl: mean(TASTES.owl[1]),
    kl,
    klError: spread / Math.sqrt(n),
  };
}

/** Pairs of places in a list of stories, of which a taste prefers the first. rng: in [0, 1). */
export function simulatedThumbs(stories, taste, n, rng) {
  const values = stories.map(TASTES[taste][1]);
  const pairs = [];
  for (let tries = 0; pairs.length < n && tries < 5000; tries++) {
    const [a, b] = [0, 0].map(() => Math.floor(rng() * stories.length));
    if (values[a] !== values[b]) pairs.push(values[a] > values[b] ? [a, b] : [b, a]);
  }
  return pairs;
}

/** The least KL with which a share p of stories can become h: of all models, the one that only
 * reweights the two kinds. */
export function leastKl(h, p) {
  const term = (a, b) => (a ? a * Math.log(a / b) : 0);
  return term(h, p) + term(1 - h, 1 - p);
}

// Stories drawn with a sampler, each judged by the language's parser, and what is counted of them.
//
// Key idea: while a story is drawn, the distribution of every word is there anyway; the sum of its
// entropies says how varied the stories are, with far less noise than counting them. Chapter 08.

import { draw, randomNumber } from "../shared/model.mjs";
import { START } from "./readers.mjs";
import { entropy, sampled } from "./samplers.mjs";

/** Tell one story from its beginning.
 *
 * text: one that has read nothing but the start mark. seed: of the random numbers.
 * Returns: { words (without the end mark), ended, wrong: place of the first word that cannot stand
 * there, words.length for a story that stops too early, null for an accepted one; nats: sum of the
 * entropies; drawn: words drawn, the end mark counted }.
 */
export function tell(text, oracle, settings, seed) {
  const words = [];
  let [states, wrong, nats, ended] = [oracle.begin(), null, 0, false];
  while (words.length < text.room) {
    const { q } = sampled(text.scores, settings);
    nats += entropy(q);
    const token = draw(q, randomNumber(seed, words.length));
    const word = oracle.vocabulary[token];
    if (wrong === null) {
      states = oracle.read(states, word);
      if (!states.length) wrong = words.length;
    }
    if (token === START) {
      ended = true;
      break;
    }
    words.push(word);
    if (words.length < text.room) text.read(token);
  }
  if (!ended && wrong === null) wrong = words.length;
  return { words, ended, wrong, nats, drawn: words.length + ended };
}

/** The 95% interval of a proportion, k of n. Source: Wilson 1927, JASA 22(158). */
export function interval(k, n) {
  const z2 = 1.959964 ** 2;
  const middle = (k + z2 / 2) / (n + z2);
  const half = (Math.sqrt(z2) / (n + z2)) * Math.sqrt((k * (n - k)) / n + z2 / 4);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

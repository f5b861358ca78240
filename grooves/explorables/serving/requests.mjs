// Requests that arrive at random, and how many of them per second a server can serve. Chapter 09.
//
// Key idea: another load or batch size changes when the same requests arrive, never what they ask
// for, so that two settings are compared on the same work.

import { uniform } from "../shared/random.mjs";

export const N_REQUESTS = 300;
const [SHORT, LONG] = [[10, 80], 600]; // tokens of a prompt: from, to; and of a long one
const [LEAST, MEAN, MOST] = [4, 36, 160]; // words of an answer: at least, about on average, at most
const LONG_PLACE = 12; // of the one long prompt; where one in ten is long, counted from here

export const PROMPTS = [
  ["short", "all short"],
  ["one", "one is long"],
  ["tenth", "one in ten is long"],
];

/** Requests of a seed, each { name, unit: its arrival if one per second came until the last one,
 * nPrompt, nNew, points }. prompts: one of PROMPTS. */
export function drawn(seed, prompts) {
  const next = uniform(seed);
  let unit = 0;
  const requests = Array.from({ length: N_REQUESTS }, (_, name) => {
    unit -= Math.log(1 - next());
    const short = SHORT[0] + Math.floor(next() * (SHORT[1] - SHORT[0] + 1));
    const nNew = Math.min(MOST, LEAST + Math.floor(-Math.log(1 - next()) * (MEAN - LEAST)));
    const long = prompts === "tenth" ? name % 10 === LONG_PLACE % 10 : prompts === "one" && name === LONG_PLACE;
    const points = Array.from({ length: MOST }, next).slice(0, nNew);
    return { name, unit, nPrompt: long ? LONG : short, nNew, points };
  });
  for (const one of requests) one.unit *= N_REQUESTS / unit; // so that a load is what it says
  return requests;
}

/** Requests per second that continuous batching with full slots and without drafts serves.
 *
 * A step of `batch` texts costs its fixed part once, and each text its own tokens.
 */
export function capacity(requests, batch, { fixed_s: fixed, per_token_s: token, per_context_s: context }) {
  const seconds = requests.map(({ nPrompt, nNew }) => {
    const tokens = nPrompt + nNew - 1; // the last word is never read
    return (fixed * nNew) / batch + token * tokens + (context * tokens * (tokens + 1)) / 2;
  });
  return requests.length / seconds.reduce((sum, one) => sum + one, 0);
}

/** Requests with their arrivals in seconds, at a rate per second. */
export function arriving(requests, rate) {
  return requests.map((one) => ({ ...one, arrival: one.unit / rate }));
}

// Random numbers that a seed decides, the same in every browser.

/** A function that returns the next uniform number in [0, 1) at each call.
 *
 * Source: mulberry32 by Tommy Ettinger, in the public domain.
 */
export function uniform(seed) {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A function that returns the next standard normal number (Box & Muller 1958). */
export function normal(seed) {
  const next = uniform(seed);
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

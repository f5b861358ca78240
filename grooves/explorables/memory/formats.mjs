// Number formats down to the bit: from a number to its bits, back, and to the next number there is.
//
// Key idea: the bits after the sign, read as one integer, count through all numbers of a
// format in order. So rounding is finding a count, and a neighbour is one count further. Chapter 12.

/** exponent, mantissa: how many bits; without an exponent, the bits count multiples of a scale.
 *
 * fp8: Micikevicius et al. 2022, arXiv:2209.05433; e4m3 has no infinity, and one NaN a sign.
 */
export const FORMATS = {
  fp32: { name: "fp32", exponent: 8, mantissa: 23 },
  bf16: { name: "bf16", exponent: 8, mantissa: 7 },
  fp16: { name: "fp16", exponent: 5, mantissa: 10 },
  e4m3: { name: "fp8 e4m3", exponent: 4, mantissa: 3, finite: true },
  e5m2: { name: "fp8 e5m2", exponent: 5, mantissa: 2 },
  int8: { name: "int8", exponent: 0, mantissa: 7, whole: true },
};

export const bits = ({ exponent, mantissa }) => 1 + exponent + mantissa;
export const bias = ({ exponent }) => 2 ** (exponent - 1) - 1;

/** The largest count, without the sign, that stands for a finite number. */
export function largestCount({ exponent, mantissa, finite, whole }) {
  if (whole) return 2 ** mantissa - 1;
  return finite ? 2 ** (exponent + mantissa) - 2 : (2 ** exponent - 1) * 2 ** mantissa - 1;
}

/** The integer nearest to x >= 0; of two, the even one. */
function nearestEven(x) {
  const below = Math.floor(x);
  const over = x - below;
  return over > 0.5 || (over === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** The exponent of the largest power of two that is not above x > 0. */
function power(x) {
  let found = Math.floor(Math.log2(x)); // may be one off next to a power of two
  if (2 ** found > x) found -= 1;
  if (2 ** (found + 1) <= x) found += 1;
  return found;
}

/** The bits, as an integer, of what a format makes of a number. scale: of int8 alone, whose
 * lowest count, −128, is left out, so that a number and its negative are stored alike. */
export function encode(x, format, scale = 1) {
  const { exponent, mantissa, finite, whole } = format;
  const last = largestCount(format);
  if (whole) {
    if (Number.isNaN(x)) return 0; // there is nothing else that it could be
    const count = Math.min(last, nearestEven(Math.abs(x) / scale));
    return x < 0 && count ? 2 ** (mantissa + 1) - count : count; // two's complement
  }
  const top = 2 ** (exponent + mantissa);
  if (Number.isNaN(x)) return finite ? last + 1 : last + 1 + 2 ** (mantissa - 1);
  const sign = x < 0 || Object.is(x, -0) ? top : 0;
  const size = Math.abs(x);
  if (size === 0) return sign;
  if (size === Infinity) return sign + (finite ? last : last + 1);
  const least = 1 - bias(format); // the exponent of the smallest normal numbers
  const at = Math.max(power(size), least);
  const count = (at - least) * 2 ** mantissa + nearestEven(size / 2 ** (at - mantissa));
  return sign + Math.min(count, finite ? last : last + 1);
}

/** Sign, exponent and mantissa of a pattern of bits, each an integer. */
export function fields(pattern, { exponent, mantissa }) {
  const top = 2 ** (exponent + mantissa);
  const rest = pattern % top;
  return { sign: Math.floor(pattern / top), exponent: Math.floor(rest / 2 ** mantissa), mantissa: rest % 2 ** mantissa };
}

/** The number that a pattern of bits stands for. */
export function decode(pattern, format, scale = 1) {
  if (format.whole) return scale * (pattern >= 128 ? pattern - 256 : pattern);
  const { sign, exponent, mantissa } = fields(pattern, format);
  const count = exponent * 2 ** format.mantissa + mantissa;
  const last = largestCount(format);
  if (count > last) return format.finite || count > last + 1 ? NaN : (sign ? -1 : 1) * Infinity;
  const leading = exponent ? 2 ** format.mantissa : 0; // the bit that is not stored
  const size = (leading + mantissa) * 2 ** (Math.max(exponent, 1) - bias(format) - format.mantissa);
  return sign ? -size : size;
}

/** The pattern `steps` numbers above (or below, where negative); null beyond the last finite one. */
export function neighbour(pattern, format, steps) {
  const top = 2 ** (bits(format) - 1);
  const last = largestCount(format);
  if (format.whole) {
    const to = (pattern >= top ? pattern - 2 * top : pattern) + steps;
    return to > last || to < -top ? null : to < 0 ? to + 2 * top : to;
  }
  const count = pattern >= top ? top - pattern : pattern; // counts below zero for negative numbers
  if (Math.abs(count) > last) return null;
  const to = count + steps;
  if (Math.abs(to) > last) return null;
  return to < 0 ? top - to : to;
}

/** A number that was typed: 0.1, 1e-8, 1/3, -inf, nan; null for anything else. */
export function parse(text) {
  const plain = text.trim().toLowerCase().replaceAll("−", "-").replace(",", ".");
  if (/^[+-]?(inf|infinity|∞)$/.test(plain)) return plain.startsWith("-") ? -Infinity : Infinity;
  if (plain === "nan") return NaN;
  const parts = plain.split("/");
  if (parts.length > 2 || parts.some((part) => !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(part.trim()))) return null;
  const [above, below = 1] = parts.map(Number);
  return above / below;
}

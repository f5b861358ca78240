// What the explorable `memory` says about a number and its bits.

import { bias, bits, decode, encode, fields, largestCount, neighbour } from "./formats.mjs";

/** A number for people, with at most so many digits: 0.100097656, 70,000, 1.2e−8. */
export function show(x, digits = 9) {
  if (Number.isNaN(x)) return "NaN (not a number)";
  if (!Number.isFinite(x)) return x > 0 ? "infinity" : "−infinity";
  if (Object.is(x, -0)) return "−0";
  const size = Math.abs(x);
  const plain = size === 0 || (size >= 1e-4 && size < 1e9);
  const text = plain ? Number(x.toPrecision(digits)).toLocaleString("en", { maximumSignificantDigits: digits }) : x.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e");
  return text.replaceAll("-", "−");
}

/** A number as text from which `parse` reads the very same one. */
export const exactly = (x) => (Object.is(x, -0) ? "-0" : Number.isNaN(x) ? "nan" : Number.isFinite(x) ? String(x) : x > 0 ? "inf" : "-inf");

/** Which field a bit belongs to, and what it is called. place: counted from the lowest, 0. */
export function bitName(place, format) {
  const { exponent, mantissa, whole } = format;
  if (place === exponent + mantissa) return { field: "sign", name: whole ? `sign, worth −${2 ** place}` : "sign" };
  if (whole) return { field: "mantissa", name: `count, worth ${2 ** place}` };
  if (place >= mantissa) return { field: "exponent", name: `exponent, worth ${2 ** (place - mantissa)}` };
  const after = mantissa - place;
  return { field: "mantissa", name: `mantissa, bit ${after}, worth 1/${2 ** after}` };
}

const small = new Intl.NumberFormat("en", { maximumFractionDigits: 12 });

/** The value as its fields make it. */
export function meaning(pattern, format, scale) {
  const value = decode(pattern, format, scale);
  if (format.whole) return `${decode(pattern, format, 1)} × scale = ${decode(pattern, format, 1)} × ${show(scale)} = ${show(value)}`.replaceAll("-", "−");
  const { sign, exponent, mantissa } = fields(pattern, format);
  const minus = sign ? "−" : "";
  const top = 2 ** format.exponent - 1;
  if (Number.isNaN(value)) return `Exponent and mantissa stand for “not a number” (NaN).`;
  if (!Number.isFinite(value)) return `All bits of the exponent are 1 and those of the mantissa 0: ${show(value)}.`;
  const fraction = mantissa / 2 ** format.mantissa;
  const from = exponent ? `${exponent} − ${bias(format)}` : `1 − ${bias(format)}`;
  const leading = small.format(exponent ? 1 + fraction : fraction);
  const note = exponent ? (exponent === top ? " (e4m3 uses the last exponent for numbers as well)" : "") : mantissa ? " (subnormal: no leading 1)" : "";
  return `${minus}${leading} × 2^(${from}) = ${show(value)}${note}`;
}

/** How a number was rounded. */
export function rounding(wanted, stored) {
  if (Object.is(wanted, stored)) return `${show(wanted)} is stored exactly.`;
  if (!Number.isFinite(stored)) return `${show(wanted)} is too large: it becomes ${show(stored)}.`;
  if (!Number.isFinite(wanted)) return `${show(wanted)} becomes ${show(stored)}.`;
  const off = stored - wanted;
  if (off === 0) return `${show(wanted)} is stored exactly.`;
  const part = wanted ? `, ${show((100 * Math.abs(off)) / Math.abs(wanted), 2)}% of it` : "";
  if (stored === 0) return `${show(wanted)} is too small: it becomes 0.`;
  return `${show(wanted)} is stored as ${show(stored)}: rounded ${off > 0 ? "up" : "down"} by ${show(Math.abs(off), 3)}${part}.`;
}

/** A hint after a wrong prediction. */
export function hint(wanted, format, scale) {
  const largest = decode(largestCount(format), format, scale);
  const least = decode(1, format, scale);
  if (wanted > largest) return `The largest number of ${format.name} is ${show(largest)}; anything beyond becomes ${format.finite || format.whole ? "that one" : "infinity"}.`;
  if (Math.abs(wanted) < least) return `The smallest number of ${format.name} above 0 is ${show(least, 3)}.`;
  const pattern = encode(wanted, format, scale);
  const [stored, above] = [pattern, neighbour(pattern, format, 1) ?? neighbour(pattern, format, -1)].map((p) => decode(p, format, scale));
  return `Near it, the numbers of ${format.name} are ${show(Math.abs(above - stored), 3)} apart; it has ${bits(format)} bits.`;
}

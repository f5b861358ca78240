// Numbers with units for people, from nanoseconds to petaFLOPs.

const PREFIXES = [[1e18, "E"], [1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"]];

/** Three digits: 12,300 or 0.0123. */
export function digits(value) {
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
}

/** A quantity with the prefix that suits it: 3.35 TB/s, 12.3 µs. */
export function quantity(value, unit) {
  const rounded = Number(value.toPrecision(3));
  if (!rounded) return `0 ${unit}`;
  const least = unit.startsWith("s") ? 1e-12 : 1; // a part of a byte is no byte
  const [size, prefix] = PREFIXES.find(([one]) => rounded >= one || one === least);
  return `${digits(rounded / size)} ${prefix}${unit}`;
}

/** A factor: 3.4 times, 120 times. */
export const times = (factor) => `${digits(Number(factor.toPrecision(2)))} times`;

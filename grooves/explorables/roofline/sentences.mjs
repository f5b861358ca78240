// What the explorable `roofline` says, with its numbers.

import { digits, quantity, times } from "../shared/units.mjs";
import { met, OPERATIONS, precisions, turns } from "./workloads.mjs";

const NEAR = 1.25; // the times differ by at most this factor, so neither side idles for long

const RISES = {
  matrix_matrix: ["size", "Larger matrices help", "rows"],
  matrix_vectors: ["batch", "More vectors at once help, because the matrix is read only once for all of them", "vectors"],
  training: ["batch", "More tokens per step help, because the weights are read only once for all of them", "tokens"],
};

const NEVER = {
  addition: "Every value is used once, so no size changes that. Fuse it with the operation before or after it, and its vectors need not be moved.",
  copy: "There is nothing to compute. Avoid the copy, or copy fewer bytes.",
  attention: "Neither a longer context nor a larger batch changes that, because each text has keys and values of its own.",
};

/** The question before the answer. */
export function question({ device, operation, precision }) {
  return `${OPERATIONS[operation].name} in ${precision} on ${device.name}: which takes longer, the arithmetic or moving the data?`;
}

/** What binds, and by how much. */
export function verdict({ arithmetic, memory, binds }) {
  const [longer, shorter] = binds === "memory" ? [memory, arithmetic] : [arithmetic, memory];
  if (longer / shorter < NEAR) return "Both limits are nearly equal, which is the balance to aim for.";
  const rest = `${Math.floor(1000 * (1 - shorter / longer)) / 10}%`;
  return binds === "memory"
    ? `Memory-bound: moving the data takes ${quantity(memory, "s")}, and the arithmetic units are idle for ${rest} of it.`
    : `Compute-bound: the arithmetic takes ${quantity(arithmetic, "s")}, and the memory is idle for ${rest} of it.`;
}

/** What would make it faster, and what would not. device: of devices.toml. */
export function help(device, choice, precision) {
  const now = met(device, choice, precision);
  return [now.binds === "memory" ? withMemory(device, choice, precision) : "Faster memory would change nothing.", faster(device, choice, precision, now)]
    .filter(Boolean)
    .join(" ");
}

function withMemory(device, choice, precision) {
  const { operation, shared } = choice;
  if (operation === "attention") return `${NEVER.attention} ${sharing(device, choice, precision, shared)}`;
  if (!(operation in RISES)) return NEVER[operation];
  const [name, what, unit] = RISES[operation];
  const from = turns(device, choice, precision, name);
  return from === null ? `${what}, but at this size never enough to become compute-bound.` : `${what}: from ${from.toLocaleString("en")} ${unit} on, it is compute-bound.`;
}

function sharing(device, choice, precision, shared) {
  const most = 2 ** OPERATIONS.attention.shared[2];
  if (shared === most) return "All heads already share their keys and values.";
  const gain = met(device, choice, precision).seconds / met(device, { ...choice, shared: most }, precision).seconds;
  return `Sharing keys and values does: with ${most} heads per KV head it would be ${times(gain)} as fast.`;
}

/** The fastest other precision with a figure for this device, and its gain. */
function faster(device, choice, precision, now) {
  const gains = precisions(device, choice.operation).map((one) => [one, now.seconds / met(device, choice, one).seconds]);
  const [best, gain] = gains.reduce((first, other) => (other[1] > first[1] ? other : first), [precision, 1]);
  if (gain < 1.05) {
    const rest = now.binds === "memory" ? "" : " What remains is less arithmetic or a device with a higher peak.";
    return `No number format with a figure for this device is faster here than ${precision}.${rest}`;
  }
  const why = now.binds === "memory" ? "fewer bytes per value" : "a higher peak";
  return `In ${best} it would be ${times(gain)} as fast: ${why}.`;
}

/** The picture in words. */
export function described(device, choice, precision, shown) {
  const { peak, bandwidth, ridge, intensity, rate } = met(device, choice, precision);
  const roof = `Roofline of ${device.name} in ${precision}: it rises with ${quantity(bandwidth, "B/s")} up to ${digits(ridge)} FLOPs per byte, then stays at ${quantity(peak, "FLOP/s")}.`;
  if (!shown) return `${roof} The point is shown after the question.`;
  return `${roof} The point: ${digits(intensity)} FLOPs per byte, at most ${quantity(rate, "FLOP/s")}.`;
}

/** Where a device's figures come from. */
export function origin({ kind, source, read }) {
  if (kind === "measured") return "Measured on this machine.";
  return kind === "recorded" ? `Measured elsewhere: ${source}, on ${read}.` : `Published, not measured: ${source} (read ${read}).`;
}

/** A warning where the values do not fit, otherwise nothing. */
export function tooLarge({ memory_gb }, { operation }, { bytes }) {
  if (!memory_gb || operation === "training" || bytes <= 1e9 * memory_gb) return "";
  return `These ${quantity(bytes, "B")} do not fit into this device’s ${memory_gb} GB.`;
}

// What operations demand of a device: FLOPs and bytes, if every value is moved once.
//
// Key idea: the FLOPs per byte decide which of a device's two limits binds. The same counts
// as `work` in roofline.py, where each is explained. Chapter 11.
// Source: Williams, Waterman & Patterson 2009, "Roofline", CACM 52(4).

export const BYTES = { fp32: 4, tf32: 4, bf16: 2, fp16: 2, int8: 1 };
const WIDTH = 4096; // numbers of a token's vector in `attention`

/** size, batch, shared: [least, most, first], as powers of two. */
export const OPERATIONS = {
  matrix_matrix: {
    name: "Matrix × matrix",
    size: ["Rows and columns", 4, 14, 12],
    counts: "2 n³ FLOPs; 3 n² values",
    count: ({ n, b }) => [2 * n ** 3, 3 * n * n * b],
  },
  matrix_vectors: {
    name: "Matrix × vector",
    size: ["Rows and columns", 4, 14, 12],
    batch: ["Vectors at once", 0, 13, 0],
    counts: "2 n² FLOPs for each of B vectors; n² + 2 B n values",
    count: ({ n, batch, b }) => [2 * batch * n * n, (n * n + 2 * batch * n) * b],
  },
  addition: {
    name: "Add two vectors",
    size: ["Values", 4, 28, 20],
    counts: "n FLOPs; 3 n values",
    count: ({ n, b }) => [n, 3 * n * b],
  },
  copy: {
    name: "Copy",
    size: ["Values", 4, 28, 20],
    counts: "no FLOPs; 2 n values",
    count: ({ n, b }) => [0, 2 * n * b],
  },
  attention: {
    name: "Attention, one new token",
    size: ["Context", 4, 15, 11],
    batch: ["Batch size", 0, 6, 0],
    shared: ["Heads per KV head", 0, 6, 0],
    counts: `4 T C FLOPs for each of B texts; 2 T C ÷ shared + 2 C values per text; C = ${WIDTH}`,
    count: ({ n, batch, shared, b }) => [4 * batch * n * WIDTH, batch * WIDTH * ((2 * n) / shared + 2) * b],
  },
  training: {
    name: "Train one layer",
    size: ["Width", 5, 14, 10],
    batch: ["Tokens per step", 0, 20, 12],
    counts: "6 × 12 C² FLOPs for each of N tokens; weights, gradients and AdamW’s state, and 48 C values per token",
    count: ({ n, batch, b }) => {
      const weights = 12 * n * n;
      return [6 * weights * batch, weights * ((b === 4 ? 4 : 5) * b + 6 * 4) + 3 * 16 * n * batch * b];
    },
  },
};

/** { flops, bytes } of { operation, size, batch, shared } at a precision. */
export function work({ operation, size, batch, shared }, precision) {
  const [flops, bytes] = OPERATIONS[operation].count({ n: size, batch, shared, b: BYTES[precision] });
  return { flops, bytes };
}

/** A device's two limits at a precision: { peak } in FLOPs per second, { bandwidth } in bytes per second. */
export const limits = (device, precision) => ({
  peak: 1e12 * device.peak_tflops[precision],
  bandwidth: 1e9 * device.bandwidth_gb_per_s,
});

export const attainable = (intensity, { peak, bandwidth }) => Math.min(peak, intensity * bandwidth);

/** The precisions for which a device has a figure and in which the operation is done. */
export function precisions(device, operation) {
  // Nobody trains in int8: the updates are smaller than its resolution.
  return Object.keys(BYTES).filter((one) => one in device.peak_tflops && !(operation === "training" && one === "int8"));
}

/** An operation on a device: both times, what binds, and the attainable rate. */
export function met(device, choice, precision) {
  const { flops, bytes } = work(choice, precision);
  const { peak, bandwidth } = limits(device, precision);
  const intensity = flops / bytes;
  const [arithmetic, memory] = [flops / peak, bytes / bandwidth];
  return {
    flops, bytes, peak, bandwidth, intensity, arithmetic, memory,
    ridge: peak / bandwidth,
    seconds: Math.max(arithmetic, memory),
    rate: attainable(intensity, { peak, bandwidth }),
    binds: arithmetic > memory ? "arithmetic" : "memory",
  };
}

/** The least size or batch (`name`) from which arithmetic binds, or null within the slider's reach. */
export function turns(device, choice, precision, name) {
  const binds = (value) => met(device, { ...choice, [name]: value }, precision).binds === "arithmetic";
  let [below, above] = [0, 2 ** OPERATIONS[choice.operation][name][2]];
  if (!binds(above)) return null;
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2);
    if (binds(middle)) above = middle;
    else below = middle;
  }
  return above;
}

// Changes of a cluster whose effect the reader predicts. Chapter 13.

export const START = { model: "MPT 30B", device: "NVIDIA H100 SXM", inside: "NVLink 4", between: "400 Gbit/s network", n: 8, tensor: 2, pipeline: 1, zero: 3, micro: 32, recompute: "selective", batch: 256 };
const SMALL = { model: "nanochat d32", tensor: 1, zero: 1, micro: 4, batch: 256 };

/** Each: name, before and after (settings other than START's), change in words, measure, cuts: two
 * factors between its three answers, answers, why. */
export const EXPERIMENTS = {
  pcie: {
    name: "PCIe in place of NVLink",
    before: {},
    after: { inside: "PCIe 5 x16" },
    change: "Matrices are divided between pairs of devices, which are now joined by PCIe",
    measure: "seconds",
    cuts: [1.1, 1.5],
    answers: ["Hardly longer", "10 to 50% longer", "Over 50% longer"],
    why: "Adding up the layers’ parts takes longer, and nothing hides it. And ZeRO 3 fetches all weights for every micro-batch, which no longer fits behind the computing. Over PCIe fewer and larger micro-batches are better, if everything is recomputed so that they fit.",
  },
  batch: {
    name: "Only the batch divided, PCIe",
    before: { ...SMALL },
    after: { ...SMALL, inside: "PCIe 5 x16" },
    change: "A model of 2 billion parameters is trained by eight devices that divide the batch, and PCIe takes the place of NVLink",
    measure: "seconds",
    cuts: [1.1, 1.5],
    answers: ["Hardly longer", "10 to 50% longer", "Over 50% longer"],
    why: "The all-reduce of the gradients hides behind the backward pass on both links, except for the last layer's part.",
  },
  micro: {
    name: "Fewer micro-batches in a pipeline",
    before: { ...SMALL, pipeline: 8, zero: 0, micro: 64 },
    after: { ...SMALL, pipeline: 8, zero: 0, micro: 16 },
    change: "Eight devices form a pipeline, and the batch is divided into 16 micro-batches in place of 64",
    measure: "seconds",
    cuts: [1.2, 1.5],
    answers: ["Up to 20% longer", "20 to 50% longer", "Over 50% longer"],
    why: "The pipeline fills and empties once per step. With 8 stages and 16 micro-batches, 7 of 23 slots are idle, with 64 only 7 of 71.",
  },
  zero: {
    name: "ZeRO 1",
    before: { ...SMALL, zero: 0 },
    after: { ...SMALL, zero: 1 },
    change: "Eight devices that divide the batch divide the optimizer's state as well",
    measure: "state",
    cuts: [0.4, 0.7],
    answers: ["Falls by over 60%", "By 30 to 60%", "By under 30%"],
    why: "12 of 16 bytes per parameter are the optimizer's, and each device keeps an eighth of them: 4 + 12/8 = 5.5 bytes remain.",
  },
  user: {
    name: "32 devices for one user",
    before: { ...SMALL, model: "Llama 3.1 8B", n: 8, tensor: 8, zero: 0, micro: 64, batch: 64 },
    after: { ...SMALL, model: "Llama 3.1 8B", n: 32, tensor: 8, pipeline: 4, zero: 0, micro: 64, batch: 64 },
    change: "One user's answer is computed by 32 devices in place of 8, which share every matrix",
    measure: "token",
    cuts: [0.5, 1.0],
    answers: ["Over twice as fast", "Up to twice as fast", "Slower"],
    why: "Each device reads a quarter as much, but each layer waits for two all-reduces of 32 devices, over a network. In this model, the latency of a ring over the network outweighs what is saved; an all-reduce that first adds up within each server would be faster.",
  },
};

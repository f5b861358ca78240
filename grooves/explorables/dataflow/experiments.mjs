// Changes of the chip or of the program whose effect the reader predicts. Chapter 14.
//
// Key idea: only what lies on the critical path counts: more units change nothing, faster
// ones do.

import { place } from "../shared/before_after.mjs";

/** Stands for the program with the shortest critical path. */
export const SHORTEST = Symbol("shortest");

/** Each: name, change in words, ask (fewer or more cycles), after (latencies, vector_units, program:
 * what differs from before), cuts: shares of the cycles saved between its three answers (negative:
 * added), why. */
export const EXPERIMENTS = {
  vectors: {
    name: "Twice the vector units",
    change: "The chip gets 32 vector units instead of 16",
    ask: "fewer",
    after: { vector_units: 32 },
    cuts: [0.02, 0.3],
    answers: ["None", "About 10% fewer", "About half"],
    why: "On the critical path, operations wait for results and not for vector units. More units cannot shorten the critical path.",
  },
  one: {
    name: "A single vector unit",
    change: "15 of the 16 vector units are removed",
    ask: "more",
    after: { vector_units: 1 },
    cuts: [-1, -0.05],
    answers: ["Over twice as many", "5 to 100% more", "Hardly any more"],
    why: "A unit can begin an operation in every cycle, and the schedule has far more cycles than vector operations. What is not on the critical path gives way.",
  },
  exp: {
    name: "Faster exponential",
    change: "exp, 1/x and 1/√x take 4 cycles instead of 8",
    ask: "fewer",
    after: { latencies: { transcendental: 4 } },
    cuts: [0.1, 0.4],
    answers: ["Less than 10% fewer", "10 to 40% fewer", "About half"],
    why: "Only a few of these lie on the critical path, and each of them saves four cycles.",
  },
  matrix: {
    name: "Faster matrix unit",
    change: "A product takes 16 cycles instead of 32",
    ask: "fewer",
    after: { latencies: { matrix: 16 } },
    cuts: [0.1, 0.4],
    answers: ["Less than 10% fewer", "10 to 40% fewer", "About half"],
    why: "Products, many of which only sum for a norm, are the largest part of the critical path, but travel and vector operations lie between them.",
  },
  far: {
    name: "Units closer together",
    change: "Travel between vector, matrix and switch units takes 7 cycles instead of 14",
    ask: "fewer",
    after: { latencies: { far: 7 } },
    cuts: [0.1, 0.4],
    answers: ["Less than 10% fewer", "10 to 40% fewer", "About half"],
    why: "The critical path goes back and forth between the units, and every time it travels.",
  },
  short: {
    name: "A shorter critical path",
    change: "Algebra rewrites the step so that fewer operations wait for each other; its result stays the same",
    ask: "fewer",
    after: { program: SHORTEST },
    cuts: [0.1, 0.4],
    answers: ["Less than 10% fewer", "10 to 40% fewer", "Over 40% fewer"],
    why: "Means that are always 0 are no longer subtracted, divisions come after the products, keys and values of earlier words enter the matrix unit early, and some matrices are multiplied by each other beforehand. So fewer operations have to follow one another. So fewer results have to wait for others.",
  },
};

/** The answer (0, 1 or 2) that is right where a change from `before` to `after` cycles was made. */
export function truth({ cuts }, before, after) {
  return place(cuts, 1 - after / before);
}

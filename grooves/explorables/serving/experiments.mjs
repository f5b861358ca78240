// Changes of one setting whose effect the reader predicts. Chapter 09.
//
// Key idea: both runs serve the same requests, so what differs is due to the setting.

export const START = { policy: "continuous", load: 0.8, batch: 16, blocks: 320, budget: null, drafts: 0, acceptance: 0.6, prompts: "short" };

/** Each: name, before and after (settings other than START's), change in words, measure (of
 * `summary`), cuts: two factors between its three answers, why. */
export const EXPERIMENTS = {
  static: {
    name: "Static batching",
    before: {},
    after: { policy: "static" },
    change: "Static batching gets the same requests",
    measure: "firstMedian",
    cuts: [2, 20],
    answers: ["Less than doubles", "2 to 20 times", "Over 20 times"],
    why: "A static batch lasts as long as its longest answer. Slots whose answer has ended compute padding, so less is served than arrives, and the queue grows.",
  },
  load: {
    name: "More load",
    before: {},
    after: { load: 0.95 },
    change: "The load rises from 80% to 95% of capacity",
    measure: "first99",
    cuts: [1.3, 1.6],
    answers: ["Rises up to 30%", "30 to 60%", "Over 60%"],
    why: "Near capacity, no slot is idle after a burst of arrivals to work off what waits. So queues get longer faster than the load rises.",
  },
  chunk: {
    name: "Chunked prefill",
    before: { prompts: "tenth" },
    after: { prompts: "tenth", budget: 64 },
    change: "One prompt in ten is long. A step may compute 64 tokens at most, so it reads chunks",
    measure: "gap99",
    cuts: [1 / 3, 3 / 4],
    answers: ["Falls by over ⅔", "By ¼ to ⅔", "Less than ¼"],
    why: "Nobody waits for a whole prompt any more. The price is in the time to first token, because prompts share the budget with others’ words.",
  },
  few: {
    name: "Drafts, 2 slots",
    before: { batch: 2, load: 0.6 },
    after: { batch: 2, load: 0.6, drafts: 4 },
    change: "A draft model proposes 4 tokens per step, of which 60% are accepted",
    measure: "totalMedian",
    cuts: [0.8, 1.2],
    answers: ["Falls over 20%", "About the same", "Rises over 20%"],
    why: "With 2 slots, nearly all of a step is its fixed part. Verifying 4 more tokens per text adds little to it, and more than two are written per step.",
  },
  many: {
    name: "Drafts, 32 slots",
    before: { batch: 32, load: 0.9 },
    after: { batch: 32, load: 0.9, drafts: 4 },
    change: "A draft model proposes 4 tokens per step, of which 60% are accepted",
    measure: "totalMedian",
    cuts: [0.8, 1.2],
    answers: ["Falls over 20%", "About the same", "Rises over 20%"],
    why: "In a large batch, tokens cost more than the step’s fixed part, and every rejected draft was computed for nothing. Steps get longer by a larger factor than words per step.",
  },
  memory: {
    name: "Less memory",
    before: {},
    after: { blocks: 64 },
    change: "The KV cache shrinks to a fifth, 1,024 tokens",
    measure: "first99",
    cuts: [1.3, 2],
    answers: ["Up to 30% more", "Up to double", "Over double"],
    why: "Texts that have no room left are preempted and computed anew later (× in the timetable), and new ones wait although slots are free.",
  },
};

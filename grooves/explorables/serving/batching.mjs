// A server in simulated time: grooves/inference/scheduler.py and serving_simulation.py once more.
//
// Key idea: between two forward passes the batch may change. Continuous batching admits a request
// as soon as a slot is free, static batching only after the whole batch has ended. Chapter 09.
//
// A request is { name, arrival, nPrompt, nNew, points }: points (nNew,) decide which drafts are
// accepted. While it is served it also has `times`, when each word was written, in seconds, and
// what the timetable draws: `prefills` [from, to], `admissions`, `preemptions` and `held`, the end
// of its static batch.

import { BlockTables } from "./blocks.mjs";

export const BLOCK_SIZE = 16; // tokens
export const DRAFT_SHARE = 0.1; // what a pass of the draft model costs, as a share of the target's

/** Decides for every step who takes part. settings: policy, batch, blocks, budget, drafts. */
class Scheduler {
  constructor({ policy, batch, blocks, budget, drafts }) {
    Object.assign(this, { batch, budget: budget ?? Infinity, nDrafts: drafts, fixed: policy === "static" });
    this.tables = new BlockTables(blocks, BLOCK_SIZE);
    this.waiting = [];
    this.running = []; // in the order of admission
    this.width = 0; // texts with which the static batch began
    this.now = 0;
  }

  get nInSystem() {
    return this.waiting.length + this.running.length;
  }

  /** The next step: { tokens: new tokens by request, drawing: [requests], padding, drafts }. */
  plan() {
    const [tokens, needs] = [new Map(), new Map()];
    const before = this.running.length;
    const prompts = this.running.filter((one) => this.#unread(one) > 1);
    for (const one of [...this.running.filter((other) => this.#unread(other) <= 1), ...prompts]) {
      if (this.running.includes(one)) this.#give(one, tokens, needs);
    }
    if (this.running.length === before) this.#admit(tokens, needs);
    const drawing = this.running.filter((one) => tokens.get(one) === this.#unread(one));
    const padding = this.fixed && this.running.length ? this.width - this.running.length : 0;
    return { tokens, drawing, padding, drafts: this.#draft(tokens, drawing) };
  }

  /** Append to each text that draws its words (counts); returns who has finished. */
  record(drawn) {
    const finished = this.running.filter((one) => {
      for (let i = drawn.get(one) ?? 0; i > 0; i--) one.times.push(this.now);
      return one.times.length >= one.nNew;
    });
    for (const one of finished) {
      this.running.splice(this.running.indexOf(one), 1);
      this.tables.close(one.name);
    }
    return finished;
  }

  /** Tokens that are not in memory yet; 1 for a text that writes a word per step. */
  #unread(one) {
    return one.nPrompt + one.times.length - this.tables.length(one.name);
  }

  #budgetLeft(tokens) {
    let left = this.budget;
    for (const n of tokens.values()) left -= n;
    return left;
  }

  #freeLeft(needs) {
    let left = this.tables.free.length;
    for (const n of needs.values()) left -= n;
    return left;
  }

  /** Let a running text read what the budget allows; the youngest texts make room for it. */
  #give(one, tokens, needs) {
    const n = Math.min(this.#unread(one), this.#budgetLeft(tokens));
    if (!n) return;
    const needed = this.tables.needed(one.name, n);
    while (needed > this.#freeLeft(needs)) {
      const youngest = this.running.at(-1);
      this.#preempt(youngest, tokens, needs);
      if (youngest === one) return;
    }
    tokens.set(one, n);
    needs.set(one, needed);
  }

  /** Take a text's blocks; it goes to the front of the queue and is computed anew later. */
  #preempt(one, tokens, needs) {
    this.running.splice(this.running.indexOf(one), 1);
    this.waiting.unshift(one);
    this.tables.close(one.name);
    tokens.delete(one);
    needs.delete(one);
    one.preemptions.push(this.now);
  }

  /** Admit waiting requests, first come first served, while slots, budget and blocks last. */
  #admit(tokens, needs) {
    if (this.fixed && this.running.length) return;
    while (this.waiting.length && this.running.length < this.batch) {
      const [one] = this.waiting;
      const left = this.#budgetLeft(tokens);
      if (left === 0) break;
      this.tables.open(one.name, one.nPrompt + one.times.length);
      const unread = this.#unread(one);
      if (this.tables.needed(one.name, unread) > this.#freeLeft(needs)) {
        this.tables.close(one.name);
        break;
      }
      tokens.set(one, Math.min(unread, left));
      needs.set(one, this.tables.needed(one.name, tokens.get(one)));
      one.admissions.push(this.now);
      this.running.push(this.waiting.shift());
    }
    this.width = this.running.length;
  }

  /** Drafts of texts that write, while budget and blocks last; `tokens` grows by them. */
  #draft(tokens, drawing) {
    const drafts = new Map();
    let free = this.tables.free.length;
    for (const [one, n] of tokens) free -= this.tables.needed(one.name, n);
    let budget = this.#budgetLeft(tokens);
    for (const one of drawing) {
      if (!one.times.length || tokens.get(one) > 1) continue;
      const n = Math.min(this.nDrafts, one.nNew - one.times.length - 1, budget);
      const needed = this.tables.needed(one.name, 1 + n) - this.tables.needed(one.name, 1);
      if (n <= 0 || needed > free) continue;
      tokens.set(one, 1 + n);
      drafts.set(one, n);
      budget -= n;
      free -= needed;
    }
    return drafts;
  }
}

/** Compute a step: { drawn: words by request, seconds }. cost: fixed_s, per_token_s, per_context_s. */
function compute({ tables }, { tokens, drawing, padding, drafts }, cost, acceptance) {
  let [nTokens, attended] = [0, 0];
  const drawn = new Map(drawing.map((one) => [one, 1]));
  for (const [one, n] of tokens) {
    const start = tables.length(one.name);
    nTokens += n;
    attended += n * start + (n * (n + 1)) / 2;
    const kept = accepted(one, drafts.get(one) ?? 0, acceptance);
    tables.append(one.name, n);
    tables.cut(one.name, start + n - (drafts.get(one) ?? 0) + kept);
    tables.publish(one.name);
    if (kept) drawn.set(one, 1 + kept);
  }
  let seconds = cost.fixed_s + cost.per_token_s * (nTokens + padding) + cost.per_context_s * attended;
  if (drafts.size) {
    const counts = [...drafts.values()];
    const drafting = cost.fixed_s * Math.max(...counts) + cost.per_token_s * counts.reduce((sum, n) => sum + n, 0);
    seconds += DRAFT_SHARE * drafting;
  }
  return { drawn, seconds, nTokens: nTokens + padding };
}

/** How many of the next n words' drafts are accepted before the first rejection. */
function accepted({ times, points }, n, acceptance) {
  let kept = 0;
  while (kept < n && points[times.length + kept] < acceptance) kept++;
  return kept;
}

/** Serve all requests, in the order of arrival; they are copied.
 *
 * Returns: { finished: requests in the order of finishing, steps: [{ start, end, nTokens, padding,
 * nRunning, nWaiting, nBlocks }] }.
 */
export function simulate(requests, settings, cost) {
  const coming = requests.map((one) => ({ ...one, times: [], prefills: [], admissions: [], preemptions: [], held: 0 }));
  const scheduler = new Scheduler(settings);
  const [finished, steps] = [[], []];
  let [next, batch] = [0, []];
  while (next < coming.length || scheduler.nInSystem) {
    if (!scheduler.nInSystem) scheduler.now = Math.max(scheduler.now, coming[next].arrival);
    while (next < coming.length && coming[next].arrival <= scheduler.now) scheduler.waiting.push(coming[next++]);
    const [start, step] = [scheduler.now, scheduler.plan()];
    const [nRunning, nWaiting] = [scheduler.running.length, scheduler.waiting.length];
    const { drawn, seconds, nTokens } = compute(scheduler, step, cost, settings.acceptance);
    const nBlocks = scheduler.tables.nUsed;
    scheduler.now += seconds;
    const readsPrompt = (one) => !one.times.length || step.tokens.get(one) - (step.drafts.get(one) ?? 0) > 1;
    for (const one of step.tokens.keys()) if (readsPrompt(one)) one.prefills.push([start, scheduler.now]);
    const ended = scheduler.record(drawn);
    finished.push(...ended);
    batch.push(...ended);
    if (!scheduler.running.length) {
      for (const one of batch) one.held = scheduler.now;
      batch = [];
    }
    steps.push({ start, end: scheduler.now, nTokens, padding: step.padding, nRunning, nWaiting, nBlocks });
  }
  return { finished, steps };
}

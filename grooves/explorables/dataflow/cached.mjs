// A machine with a cache that runs the same operations: grooves/hardware/dataflow/cached_machine.py
// once more. Chapter 14.
//
// Key idea: what is in the cache depends on what happened before, so two runs of one token differ.

/** Room in the memory for the keys and values of so many tokens. */
const TOKENS = 512;

/** Operations as this machine runs them: products read their matrix, and nothing is installed. */
export function worksOf(operations, timing) {
  const means = []; // of each operation, what waiting for it means
  const works = [];
  operations.forEach((o, row) => {
    const inputs = [...new Set(o.inputs.filter((i) => typeof i === "number").flatMap((i) => means[i]))].sort((a, b) => a - b);
    if (o.kind === "install") return means.push(inputs);
    means.push([works.length]);
    const latency = timing.latency(o) + timing.latencies.near;
    return works.push({ row, unit: o.unit, inputs, latency, occupies: o.occupies, reads: o.reads, bytes: o.bytes, perToken: o.per_token });
  });
  return works;
}

/** A set-associative cache that forgets what was used least recently. */
export class Cache {
  #clock = 0;

  constructor(sets, ways) {
    Object.assign(this, { sets, ways });
    this.held = new Float64Array(sets * ways).fill(-1);
    this.used = new Float64Array(sets * ways);
  }

  /** Touch a line; returns whether it was not there. */
  missed(line) {
    const first = (line % this.sets) * this.ways;
    let oldest = first;
    for (let way = first; way < first + this.ways; way += 1) {
      if (this.held[way] === line) {
        this.used[way] = this.#clock += 1;
        return false;
      }
      if (this.used[way] < this.used[oldest]) oldest = way;
    }
    this.held[oldest] = line;
    this.used[oldest] = this.#clock += 1;
    return true;
  }
}

export class CachedMachine {
  #now = 0; // cycles since the beginning, for the refresh of the memory

  /** machine, noise: as the dataclasses of the Python module. random(): uniform in [0, 1). */
  constructor(works, machine, noise, random) {
    Object.assign(this, { works, machine, noise, random });
    this.cache = new Cache(machine.cache_bytes / (machine.ways * machine.line_bytes), machine.ways);
    this.followers = works.map(() => []);
    works.forEach(({ inputs }, j) => inputs.forEach((i) => this.followers[i].push(j)));
    this.begins = new Map();
    this.top = 0;
    for (const { reads, bytes, perToken } of works) {
      if (!reads || this.begins.has(reads)) continue;
      this.begins.set(reads, this.top);
      this.top += Math.ceil((bytes + perToken * TOKENS) / machine.line_bytes);
    }
  }

  /** One token at a position: { cycles, misses, noisy, starts, waits, missed (of each operation) }. */
  token(position) {
    const noisy = this.#noisy();
    for (let i = 0; i < noisy; i += 1) this.cache.missed(this.top + Math.floor(this.random() * (1 << 20)));
    const { near, far, missed } = this.#fetch(position);
    const { starts, waits, cycles } = this.#schedule(near, far);
    this.#now += cycles;
    return { cycles, noisy, starts, waits, missed, misses: missed.reduce((a, b) => a + b, 0) };
  }

  /** How many lines another program touches: often few, at times very many (Pareto). */
  #noisy() {
    const { least, tail, most } = this.noise;
    return Math.min(most, Math.floor(least * this.random() ** (-1 / tail)));
  }

  /** Cycles that each operation waits for the cache and for the memory, and how many lines of it
   * were not in the cache. */
  #fetch(position) {
    const { line_bytes: size, lines_per_cycle, row_bytes, row_hit_ns, row_miss_ns, in_flight, clock_hz } = this.machine;
    let open = -1;
    const [near, far, missed] = [0, 1, 2].map(() => new Array(this.works.length).fill(0));
    this.works.forEach(({ reads, bytes, perToken }, i) => {
      const n = Math.ceil((bytes + perToken * (position + 1)) / size);
      const first = this.begins.get(reads) ?? 0;
      let ns = 0;
      for (let line = first; line < first + n; line += 1) {
        if (!this.cache.missed(line)) continue;
        const row = Math.floor((line * size) / row_bytes);
        ns += (row === open ? row_hit_ns : row_miss_ns) / in_flight;
        open = row;
        missed[i] += 1;
      }
      [near[i], far[i]] = [n / lines_per_cycle, (ns * clock_hz) / 1e9];
    });
    return { near, far, missed };
  }

  /** At run time: a free unit takes, of its ready operations, the oldest one. All reads share one way
   * to the cache and the memory. */
  #schedule(near, far) {
    const n = this.works.length;
    const waiting = this.works.map(({ inputs }) => inputs.length);
    const [starts, waits, there] = [0, 1, 2].map(() => new Array(n).fill(0));
    const free = new Map(this.machine.units.map(([unit, count]) => [unit, new Array(count).fill(0)]));
    const ready = waiting.flatMap((left, i) => (left ? [] : [[0, i]]));
    let [way, cycles] = [0, 0];
    while (ready.length) {
      const first = ready.reduce((best, [at, i], k) => (at < ready[best][0] || (at === ready[best][0] && i < ready[best][1]) ? k : best), 0);
      const [[at, i]] = ready.splice(first, 1);
      const { unit, latency, occupies } = this.works[i];
      if (!free.has(unit)) free.set(unit, [0]);
      const units = free.get(unit);
      const one = units.indexOf(Math.min(...units));
      let begin = Math.max(at, units[one]);
      if (near[i]) {
        begin = Math.max(begin, way);
        if (far[i]) begin = this.#refreshed(begin) + far[i];
        begin += near[i];
        way = begin;
      }
      units[one] = begin + occupies;
      [starts[i], waits[i]] = [begin, begin - at];
      const done = begin + latency + occupies - 1;
      cycles = Math.max(cycles, done);
      for (const j of this.followers[i]) {
        waiting[j] -= 1;
        there[j] = Math.max(there[j], done);
        if (!waiting[j]) ready.push([there[j], j]);
      }
    }
    return { starts, waits, cycles };
  }

  /** The cycle from which the memory answers, if it is refreshed now. */
  #refreshed(cycle) {
    const { clock_hz, refresh_every_ns, refresh_ns } = this.machine;
    const into = (((this.#now + cycle) / clock_hz) * 1e9) % refresh_every_ns;
    return cycle + (Math.max(0, refresh_ns - into) * clock_hz) / 1e9;
  }
}

/** The smallest value such that at least a share of all is not above it. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length - 1e-9) - 1)];
}

// The cheapest plan for a workload: the formulas of grooves/hardware/choosing (servers, answers,
// cheapest) in JavaScript. Chapter 15.
//
// An offer has the fields { n, memory, bandwidth, flops16, flops8 (each of one device), alpha, beta
// (of short messages between devices), rent or fixed euros per hour, busy and idle watts }. A rented
// one has busy 0: its rent includes the electricity.

const DAY = 86400;

/** Weights that are multiplied, and numbers that a token's keys and values take. */
export function sizes(model) {
  const layer = 2 * model.width ** 2 + 2 * model.width * model.kv_width + 3 * model.width * model.mlp_width;
  const head = model.vocabulary * model.width;
  return { multiplied: model.n_layer * layer + head, stored: model.n_layer * layer + head * (model.tied ? 1 : 2), cached: 2 * model.n_layer * model.kv_width };
}

const memory = ({ n, memory: one }) => n * one;

/** How many users' caches of so many tokens fit beside the weights. */
export function mostUsers(offer, model, bits, tokens) {
  const { stored, cached } = sizes(model);
  const free = memory(offer) - (stored * bits) / 8;
  return Math.max(0, Math.floor(free / ((cached * tokens * bits) / 8)));
}

/** Tokens per second of input and output, and seconds per token of one user. */
export function rates(offer, model, bits, users, tokens, { ofPeak, ofBandwidth, callS }) {
  const { multiplied, cached } = sizes(model);
  const flops = (bits > 8 ? offer.flops16 : offer.flops8) * ofPeak;
  const bytes = bits / 8;
  const read = ((multiplied + cached * tokens * users) * bytes) / offer.n / (offer.bandwidth * ofBandwidth);
  const compute = (2 * multiplied * users) / offer.n / flops;
  const vector = model.width * users * bytes;
  const ring = 2 * (offer.n - 1) * (offer.alpha + vector / offer.n / offer.beta);
  const sent = offer.n > 1 ? 2 * model.n_layer * (callS + ring) : 0;
  const tokenS = Math.max(read, compute) + sent;
  return { prefill: (offer.n * flops) / (2 * multiplied), decode: users / tokenS, tokenS };
}

/** What so many copies do for a workload { requests, tokensIn, tokensOut, peak }. */
export function plan(offer, model, work, bits, users, copies, settings) {
  const rate = rates(offer, model, bits, users, work.tokensIn + work.tokensOut, settings);
  const seconds = work.tokensIn / rate.prefill + work.tokensOut / rate.decode;
  const tokenS = (users * seconds) / work.tokensOut;
  const mean = ((work.requests / DAY) * seconds) / copies;
  const found = { offer: offer.name, bits, users, copies, tokenS, firstS: work.tokensIn / rate.prefill + tokenS, load: mean * work.peak, utilisation: mean };
  return { ...found, eurPerDay: 24 * copies * perHour(offer, mean, settings) };
}

/** Euros per hour of one machine; an owned one pays its own electricity, cooling included. */
export function perHour(offer, utilisation, { rentFactor, eurPerKwh, pue }) {
  if (!offer.busy) return offer.eur * rentFactor;
  const watts = offer.busy * utilisation + offer.idle * (1 - utilisation);
  return offer.eur + (watts / 1000) * pue * eurPerKwh;
}

const meets = (found, work) => found.tokenS <= work.tokenS && found.firstS <= work.firstS;

/** The most users at once that still meet the goals. */
export function fullest(offer, model, work, bits, settings) {
  let [low, high] = [0, mostUsers(offer, model, bits, work.tokensIn + work.tokensOut) + 1];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (meets(plan(offer, model, work, bits, middle, 1, settings), work)) low = middle;
    else high = middle;
  }
  return low;
}

/** The cheapest valid plan of every offer, the cheapest first. */
export function ranked(offers, model, work, settings) {
  const best = [];
  for (const offer of offers) {
    const found = [];
    for (const bits of [16, 8]) {
      const most = mostUsers(offer, model, bits, work.tokensIn + work.tokensOut);
      const counts = new Set([fullest(offer, model, work, bits, settings), most]);
      for (let users = 1; users <= most; users *= 2) counts.add(users);
      for (const users of counts) {
        if (!users) continue;
        const one = plan(offer, model, work, bits, users, 1, settings);
        if (!meets(one, work)) continue;
        const copies = Math.max(1, Math.ceil(one.load / settings.full - 1e-9));
        found.push(plan(offer, model, work, bits, users, copies, settings));
      }
    }
    found.sort(byCost);
    if (found.length) best.push(found[0]);
  }
  return best.sort(byCost);
}

const byCost = (a, b) => a.eurPerDay - b.eurPerDay || a.tokenS - b.tokenS;

/** The winner's name at every point of a grid; "" where no plan is fast enough. */
export function map(offers, model, work, settings, xs, ys) {
  return ys.map((tokenS) => xs.map((requests) => ranked(offers, model, { ...work, requests, tokenS }, settings)[0]?.offer ?? ""));
}

// A training step and a user's next token on many devices: the formulas of
// grooves/hardware/many_devices (dense, memory, cluster, requests) in JavaScript. Chapter 13.
//
// A model has the fields of Dense, a cluster { n, perServer, memory, peak, bandwidth, inside,
// between, constants } with links { alpha, beta, shortAlpha, shortBeta }, and a plan { data, tensor,
// pipeline, micro, zero, recompute }.

/** Weights of one layer's matrices. */
export function layerParameters({ width, mlp_width, kv_width, gated }) {
  return 2 * width ** 2 + 2 * width * (kv_width || width) + (gated ? 3 : 2) * width * (mlp_width || 4 * width);
}

const headParameters = ({ vocabulary, width }) => vocabulary * width;

export function parameters(model) {
  return model.n_layer * layerParameters(model) + headParameters(model) * (model.tied ? 1 : 2);
}

/** FLOPs per token as MFU counts them. */
export function modelFlops(model) {
  return 6 * (model.n_layer * layerParameters(model) + headParameters(model)) + 12 * model.n_layer * model.width * model.context;
}

function layerFlops(model, tokens, recompute) {
  const attention = (4 * model.width * model.context) / 2;
  const forward = 2 * layerParameters(model) + attention;
  return tokens * (3 * forward + (recompute === "full" ? forward : attention));
}

function activationBytes(model, sequences, tensor, recompute, stored) {
  const sbh = model.context * sequences * model.width;
  return recompute === "full" ? 2 * sbh : (sbh * stored) / tensor;
}

/** Bytes of weights, gradients and optimizer state on one device. */
export function stateBytes(n, data, zero) {
  const each = (bytes, stage) => bytes / (zero >= stage ? data : 1);
  return n * (each(2, 3) + each(2, 2) + each(12, 1));
}

/** { state, activations } in bytes on the fullest device. */
export function memory(model, plan, sequences, { stored }) {
  const layers = Math.ceil(model.n_layer / plan.pipeline);
  const ends = headParameters(model) * (plan.pipeline === 1 && !model.tied ? 2 : 1);
  const mine = (layers * layerParameters(model) + ends) / plan.tensor;
  let kept = layers * activationBytes(model, sequences, plan.tensor, plan.recompute, stored);
  if (plan.recompute === "full") kept += activationBytes(model, sequences, plan.tensor, "selective", stored);
  const inFlight = Math.min(plan.micro, plan.pipeline);
  const logits = (4 * model.context * sequences * model.vocabulary) / plan.tensor;
  const activations = plan.pipeline > 1 ? Math.max(inFlight * kept, kept + logits) : kept + logits;
  return { state: stateBytes(mine, plan.data, plan.zero), activations };
}

/** Seconds in which n devices add up a vector, `stride` places apart. */
export function allReduce(cluster, bytes, n, stride = 1) {
  const near = Math.max(1, Math.min(n, Math.floor(cluster.perServer / stride)));
  const servers = Math.ceil(n / near);
  const inside = (near - 1) * cluster.inside.alpha + (((near - 1) / near) * bytes) / cluster.inside.beta;
  const between = Math.log2(servers) * cluster.between.alpha + (((servers - 1) / servers) * bytes) / near / cluster.between.beta;
  return 2 * (inside + between);
}

/** Why a plan cannot be executed, and what to change; or null. */
export function whyInvalid(model, cluster, plan, batch) {
  if (!Number.isInteger(plan.data) || plan.data < 1) return `${plan.tensor} × ${plan.pipeline} devices do not divide ${cluster.n}: divide matrices or layers less.`;
  if (plan.tensor > cluster.perServer) return `Matrices are divided within a server of ${cluster.perServer}: divide them less.`;
  if (batch % (plan.data * plan.micro)) return `A batch of ${batch} does not divide into ${plan.data} × ${plan.micro} micro-batches: take fewer micro-batches or a larger batch.`;
  if (model.n_head % plan.tensor) return `${model.n_head} heads do not divide between ${plan.tensor} devices: divide matrices less.`;
  if (model.n_layer < plan.pipeline) return `${model.n_layer} layers are too few for ${plan.pipeline} stages.`;
  if (plan.zero > 1 && plan.pipeline > 1) return "With a pipeline, ZeRO 2 and 3 would communicate for every micro-batch: take ZeRO 1.";
  return null;
}

/** Seconds of each part of a step that nothing hides, and what follows from them. */
export function step(model, cluster, plan, batch) {
  const { fraction, passes, stored } = cluster.constants;
  const { data, tensor, pipeline, micro } = plan;
  const sequences = Math.floor(batch / (data * micro));
  const tokens = sequences * model.context;
  const layer = layerFlops(model, tokens, plan.recompute);
  const layers = Math.ceil(model.n_layer / pipeline);
  const asLayers = Math.max((model.n_layer + (tokens * 6 * headParameters(model)) / layer) / pipeline, layers);
  const products = layer / tensor / (fraction * cluster.peak);
  const moved = (passes + (plan.recompute === "full" ? 1 : 0)) * stored * tokens * model.width + 8 * layerParameters(model);
  const compute = asLayers * products + (layers * moved) / tensor / cluster.bandwidth;
  const vector = 2 * tokens * model.width;
  const sums = plan.recompute === "full" ? 6 : 4;
  const added = tensor > 1 ? layers * sums * allReduce(cluster, vector, tensor) : 0;
  const slot = compute + added;
  const link = data * tensor < cluster.perServer ? cluster.inside : cluster.between;
  const message = pipeline > 1 ? 2 * (link.alpha + vector / tensor / link.beta) : 0;
  const bubble = (pipeline - 1) * (slot + message);
  const mine = (layers * layerParameters(model) + headParameters(model) / pipeline) / tensor;
  const sent = exchanged(cluster, plan, mine, layers, slot);
  const optimizer = (30 * mine) / (plan.zero ? data : 1) / cluster.bandwidth;
  const seconds = micro * slot + bubble + sent.exposed + optimizer;
  const bytes = memory(model, plan, sequences, cluster.constants);
  return {
    slot: { compute, added },
    compute: micro * compute,
    added: micro * added,
    bubble,
    message,
    data: sent.exposed,
    hidden: sent.hidden,
    optimizer,
    seconds,
    tokensPerSecond: (batch * model.context) / seconds,
    mfu: (modelFlops(model) * batch * model.context) / (seconds * cluster.n * cluster.peak),
    memory: bytes,
    bytes: bytes.state + bytes.activations,
    bubbleShare: bubble / seconds,
    sentShare: (micro * added + sent.exposed) / seconds,
  };
}

/** Communication of data-parallel devices: seconds exposed, and hidden behind the backward pass. */
function exchanged(cluster, plan, mine, layers, slot) {
  if (plan.data === 1) return { exposed: 0, hidden: 0 };
  const half = allReduce(cluster, 2 * mine, plan.data, plan.tensor) / 2;
  const [rounds, each, cover] = plan.zero < 2 ? [1, 2 * half, (slot * 2) / 3] : plan.zero === 2 ? [plan.micro, half, (slot * 2) / 3] : [plan.micro, 3 * half, slot];
  const exposed = Math.max(each / layers, each - cover);
  return { exposed: rounds * exposed + (plan.zero === 2 ? half : 0), hidden: rounds * (each - exposed) };
}

/** Seconds of every user's next token on n devices that share every matrix: { local, sent }; null
 * where the heads do not divide between them. */
export function token(model, cluster, n, users = 1, position = 1024) {
  if (model.n_head % n) return null;
  const weights = model.n_layer * layerParameters(model) + headParameters(model);
  const cached = 2 * model.n_layer * (model.kv_width || model.width) * position * users;
  const local = Math.max(((weights + cached) * 2) / n / cluster.bandwidth, (2 * weights * users) / n / cluster.peak);
  if (n === 1) return { local, sent: 0 };
  const link = n > cluster.perServer ? cluster.between : cluster.inside;
  const vector = 2 * model.width * users;
  const ring = 2 * (n - 1) * (link.shortAlpha + vector / n / link.shortBeta);
  return { local, sent: 2 * model.n_layer * (cluster.constants.call_s + ring) };
}

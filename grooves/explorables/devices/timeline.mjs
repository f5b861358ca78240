// Who waits for whom: a row per group of devices with the same work, a bar per pass. Chapter 13.
//
// Key idea: devices that divide a batch or a matrix do the same at the same time, so a row stands
// for all devices of a stage. What is drawn adds up to the predicted step.

const FORWARD = 1 / 3; // of a micro-batch's time; the backward pass takes the rest
const MOST = 16; // passes drawn one by one; more are drawn as one bar

/** The bars of every stage: [{ kind, start, end }], kind one of forward, backward, added, data,
 * optimizer; gaps are idle. The last one ends at the predicted seconds. */
export function bars(found, plan) {
  const { slot, message } = found;
  const [f, b] = [FORWARD, 1 - FORWARD].map((share) => share * (slot.compute + slot.added));
  const [sendF, sendB] = [FORWARD * message, (1 - FORWARD) * message];
  const share = slot.added / (slot.compute + slot.added);
  const p = plan.pipeline;
  const turned = (p - 1) * (f + sendF) + plan.micro * f; // when the last stage has all results
  const end = turned + (p - 1) * (b + sendB) + plan.micro * b;
  return Array.from({ length: p }, (_, stage) => {
    const made = [];
    passes(made, "forward", stage * (f + sendF), f, plan.micro, share);
    passes(made, "backward", turned + (p - 1 - stage) * (b + sendB), b, plan.micro, share);
    if (found.data) made.push({ kind: "data", start: end, end: end + found.data });
    if (found.optimizer) made.push({ kind: "optimizer", start: end + found.data, end: end + found.data + found.optimizer });
    return made;
  });
}

/** Passes one after another, each with its computing and then its adding up. */
function passes(made, kind, start, each, n, share) {
  const drawn = n > MOST ? 1 : n;
  const length = (n * each) / drawn;
  for (let i = 0; i < drawn; i++) {
    const at = start + i * length;
    made.push({ kind, start: at, end: at + length * (1 - share) });
    if (share) made.push({ kind: "added", start: at + length * (1 - share), end: at + length });
  }
}

/** Which devices a row stands for: "devices 0–3". */
export function label(stage, plan) {
  const each = plan.data * plan.tensor;
  const first = stage * each;
  return each === 1 ? `device ${first}` : `devices ${first}–${first + each - 1}`;
}

// What the explorable `labels` says, with its numbers.

/** A number for people: 1,389 or 0.8. */
export function count(value) {
  const digits = value && value < 10 && !Number.isInteger(value) ? 1 : 0;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export const some = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;

export const percent = (share) => {
  if (share > 0.999 && share < 1) return "> 99.9%";
  return `${(100 * share).toFixed(1)}%`;
};

/** The objectives in the order of the page; what each does, in plain words. */
export const OBJECTIVES = {
  next_word: {
    name: "Next word",
    idea: "Hide all that comes later and ask for the next piece. The answer stands in the text itself, so nobody has to write it down.",
    mistake: "Make the classic mistake: forget to move the targets by one",
  },
  masked_word: {
    name: "Masked word",
    idea: "Hide some pieces and ask for them. The model may look at what is left on both sides.",
    mistake: "Make the classic mistake: ask for what is not hidden, too",
  },
  two_views: {
    name: "Two views",
    idea: "Drop words twice, and ask each result for its partner: which of the others was made from the same text? We know, because we did the dropping.",
    mistake: "Make the classic mistake: drop nothing, so that both views are alike",
  },
  people: {
    name: "Person’s label",
    idea: "Ask a person about the text. One text, one answer, and somebody has to read it.",
  },
  pseudo_labels: {
    name: "Pseudo-label",
    idea: "Let a small model learn from a person’s labels, here in this page, and answer for the other texts. Where it is sure, its answer is taken for a label.",
  },
};

/** What is asked at one place of the first two objectives. read: the text that the model has. */
export function asking(objective, { read, input, target, mistake }) {
  if (target === null) return `“${input}” is not hidden, so nothing is asked here.`;
  if (mistake && target === input) return `It is asked for “${target}”, which stands there already. Copying is enough.`;
  if (objective === "next_word") return `Having read “${read}”, it is asked for “${target}”.`;
  return `Seeing “${read}”, it is asked for “${target}”.`;
}

/** How much of an objective can be answered without learning anything of language. */
export function copying(n, of, mistake) {
  if (!of) return "";
  const found = `Copying what stands in the same place answers ${count(n)} of ${count(of)}.`;
  if (mistake) return `${found} The answer has leaked: the loss falls, and little of language is learned.`;
  return n ? `${found} Here the text repeats itself.` : `${found} What fits has to be learned.`;
}

/** What a person's labels cost, from two assumptions. */
export function work(seconds, texts) {
  const hours = (seconds * texts) / 3600;
  const years = hours / HOURS_A_YEAR;
  const long = years >= 0.1 ? `, or ${count(years)} ${years === 1 ? "year" : "years"} of one person’s work` : "";
  return `${count(texts)} texts × ${count(seconds)} s = ${some(hours, "hour")}${long}.`;
}
export const HOURS_A_YEAR = 1760; // 220 days of 8 hours

/** The middle one of some numbers. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

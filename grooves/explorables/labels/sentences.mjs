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
    idea: "At each position, the model sees what comes before and predicts the next word. The target is part of the text itself, so nobody has to label anything.",
    mistake: "Make the classic mistake: forget to shift the targets by one",
  },
  masked_word: {
    name: "Masked word",
    idea: "Some words are masked, and the model predicts them from the words that are left on both sides.",
    mistake: "Make the classic mistake: predict words that are not masked, too",
  },
  two_views: {
    name: "Two views",
    idea: "Words are dropped at random to make two views of each text. The model has to find the view of the same text among all others.",
    mistake: "Make the classic mistake: drop nothing, so that both views are identical",
  },
  people: {
    name: "Human label",
    idea: "A person reads the text and labels it: one text, one label.",
  },
  pseudo_labels: {
    name: "Pseudo-label",
    idea: "A small model is trained on a person’s labels, here in this page, and predicts labels for the other texts. Its confident predictions are used as labels.",
  },
};

/** The target at one position of the first two objectives. read: the text that the model has. */
export function asking({ read, input, target, mistake }) {
  if (target === null) return `“${input}” is not masked, so there is no target here.`;
  if (mistake && target === input) return `The target is “${target}”, which is in the input already, so copying is enough.`;
  return `Given “${read}”, the target is “${target}”.`;
}

/** How many targets a model reaches by copying, without learning anything about language. */
export function copying(n, of, mistake) {
  if (!of) return "";
  const found = `Copying the input is correct for ${count(n)} of ${count(of)}.`;
  if (mistake) return `${found} The answer has leaked: the loss falls, but the model learns little about language.`;
  return n ? `${found} Here the text repeats itself.` : `${found} The model has to learn which words fit.`;
}

/** What a person's labels cost, from two assumptions. */
export function work(seconds, texts) {
  const hours = (seconds * texts) / 3600;
  const years = hours / HOURS_A_YEAR;
  const long = years >= 0.1 ? `, or ${count(years)} ${years === 1 ? "year" : "years"} of one person’s work` : "";
  return `${count(texts)} texts × ${count(seconds)} s = ${some(hours, "hour")}${long}.`;
}
export const HOURS_A_YEAR = 1760; // 220 days of 8 hours

/** The median of some numbers. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// The part of the explorable `labels` in which a model labels what people did not.
//
// Key idea: the model is retrained at every label that the reader gives; and because a grammar
// generated the texts, each prediction can be compared with the true label.

import { button, slider } from "../shared/controls.mjs";
import { element, resize } from "../shared/dom.mjs";
import { NEITHER } from "./people.mjs";
import { OBJECTIVES, percent, some } from "./sentences.mjs";
import { NaiveBayes } from "./naive_bayes.mjs";
import { pseudoLabels } from "./objectives.mjs";

/** A model's predictions for the texts that nobody labelled, most confident first; null where it cannot learn.
 * deck: [{ key, pieces }]; given: labels by key; n: how many labels there are.
 * Returns: [{ key, label, share, kept }]; a label is kept where its share reaches the threshold.
 */
export function answers(deck, given, n, threshold) {
  const labelled = deck.filter(({ key }) => key in given && given[key] !== NEITHER);
  const labels = labelled.map(({ key }) => given[key]);
  if (new Set(labels).size < n) return null;
  const model = new NaiveBayes(labelled.map(({ pieces }) => pieces), labels, n);
  const open = deck.filter(({ key }) => !(key in given));
  const shares = open.map(({ pieces }) => model.probabilities(pieces));
  const kept = new Set(pseudoLabels(shares, threshold).indices);
  const all = pseudoLabels(shares, 0);
  const said = open.map(({ key }, i) => ({ key, label: all.labels[i], share: Math.max(...shares[i]), kept: kept.has(i) }));
  return said.sort((a, b) => b.share - a.share);
}

export class PseudoPanel {
  /** actions: save(changes), takeFromGrammar(), startOver(). */
  constructor(actions) {
    this.need = element("p", { className: "gl-caption" });
    this.take = button("Take six labels from the grammar", () => {
      actions.takeFromGrammar();
      this.threshold.el.querySelector("input").focus();
    });
    this.again = button("Forget all labels", () => {
      actions.startOver();
      this.take.focus();
    });
    this.threshold = slider("Confidence threshold", { min: 0.5, max: 0.99, step: 0.01 }, (threshold) => actions.save({ threshold }));
    this.start = element("div", { className: "gx-controls" }, this.take);
    this.controls = element("div", { className: "gx-controls" }, this.again, this.threshold.el);
    this.verdict = element("p", { className: "gl-verdict" });
    this.list = element("ol");
    this.scroll = element("div", { className: "gl-answers", tabIndex: 0, role: "region", "aria-label": "The model’s predictions, most confident first" }, this.list);
    this.el = element(
      "div",
      { className: "gl-panel gl-pseudo" },
      element("p", { className: "gl-idea" }, OBJECTIVES.pseudo_labels.idea),
      this.need,
      this.start,
      this.controls,
      this.verdict,
      this.scroll,
    );
  }

  /** state: deck, said (of `answers`), given, truth, labels, threshold. */
  draw({ deck, said, given, truth, labels, threshold }) {
    const byPeople = Object.keys(given).filter((key) => given[key] !== NEITHER).length;
    this.need.hidden = this.start.hidden = said !== null;
    this.controls.hidden = this.verdict.hidden = this.scroll.hidden = said === null;
    this.need.textContent =
      `There are ${some(byPeople, "human label")}. The model needs at least one of each kind: label some yourself ` +
      "under “Human label”, or take labels from the grammar that generated the stories.";
    if (said === null) return;
    const texts = new Map(deck.map((one) => [one.key, one]));
    this.threshold.set(threshold, percent(threshold).replace(".0", ""));
    const kept = said.filter((one) => one.kept);
    const judged = kept.filter(({ key }) => key in truth);
    const right = judged.filter(({ key, label }) => label === truth[key]).length;
    this.verdict.textContent =
      `From ${some(byPeople, "human label")}, the model makes ${kept.length} more and leaves ${said.length - kept.length} texts out. ` +
      (judged.length ? `${right} of ${judged.length} are correct; the model would be trained on all ${judged.length}.` : "");
    const rows = resize(this.list, said.length, () => {
      const parts = ["gl-label", "gl-track", "gl-share", "gl-mark"].map((className) => element("span", { className }));
      parts[1].append(element("span", { className: "gl-bar" }));
      return element("li", {}, element("p", { dir: "auto" }), element("p", { className: "gl-answer" }, ...parts));
    });
    for (const [i, row] of rows.entries()) {
      const { key, label, share, kept } = said[i];
      const [text, line] = row.children;
      const { text: words, own } = texts.get(key);
      text.textContent = own ? `Your sentence: ${words}` : words;
      const [name, track, sure, mark] = line.children;
      name.textContent = labels[label];
      track.style.setProperty("--share", share);
      sure.textContent = percent(share);
      const wrong = key in truth && label !== truth[key];
      const judgement = key in truth ? (wrong ? ", wrong" : ", correct") : "";
      mark.textContent = (kept ? "taken" : "left out") + judgement;
      row.classList.toggle("gl-kept", kept);
      row.classList.toggle("gl-wrong", kept && wrong);
    }
  }
}

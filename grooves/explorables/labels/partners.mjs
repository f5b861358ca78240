// The part of the explorable `labels` for two views: which views were made from the same text?
//
// Key idea: the reader chooses an anchor; the cosine similarities of its word counts to those of the
// other views are computed here, and so is the contrastive loss of a model that uses only them.

import { button, slider } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { OBJECTIVES, percent } from "./sentences.mjs";
import { listbox, select } from "../shared/listbox.mjs";
import { chooseDropped, contrastiveLosses, cosine } from "./objectives.mjs";
import { line } from "./pieces.mjs";
import { uniform } from "../shared/random.mjs";

const TEMPERATURE = 0.1; // as SimCLR's best (Chen et al. 2020, table 5)

/** Two views of each text: { from, pieces, spaced, dropped, kept }, partners next to each other.
 * texts: what `cut` returns. mistake: nothing is dropped.
 */
export function makeViews(texts, share, seed, mistake) {
  return texts.flatMap(({ pieces, spaced }, from) =>
    [0, 1].map((second) => {
      const random = uniform(1000 * seed + 2 * from + second);
      const dropped = mistake ? pieces.map(() => false) : chooseDropped(pieces.length, share, random);
      return { from, pieces, spaced, dropped, kept: pieces.filter((_, i) => !dropped[i]) };
    }),
  );
}

/** Cosines between all views, each one's loss, and whether it finds its partner by them. */
export function compare(views) {
  const similarities = views.map((one) => views.map((other) => cosine(one.kept, other.kept)));
  const partner = views.map((_, i) => i ^ 1); // 0 and 1, 2 and 3, and so on
  const losses = contrastiveLosses(similarities, partner, TEMPERATURE);
  const finds = similarities.map((row, i) => row.every((other, j) => j === i || j === partner[i] || other < row[partner[i]]));
  return { similarities, partner, losses, finds };
}

export class PartnersPanel {
  #asks = 0; // the view whose partner is looked for

  /** actions: save(changes), seed(). */
  constructor(actions) {
    this.share = slider("Dropped", { min: 0.05, max: 0.9, step: 0.05 }, (share) => actions.save({ share }));
    this.others = button("Drop others", () => actions.save({ seed: actions.seed() + 1 }));
    this.mistake = element("input", { type: "checkbox" });
    this.mistake.addEventListener("change", () => actions.save({ mistake: this.mistake.checked }));
    this.views = element("div", { className: "gl-views", "aria-label": "Views: the chosen one is the anchor" });
    this.caption = element("p", { className: "gl-caption", "aria-live": "polite" });
    this.verdict = element("p", { className: "gl-verdict" });
    this.el = element(
      "div",
      { className: "gl-panel" },
      element("p", { className: "gl-idea" }, OBJECTIVES.two_views.idea),
      element("div", { className: "gx-controls" }, this.others, this.share.el),
      this.views,
      this.caption,
      element("label", { className: "gl-check" }, this.mistake, OBJECTIVES.two_views.mistake),
      this.verdict,
    );
    listbox(this.views, (place) => {
      this.#asks = place;
      this.#show();
    });
  }

  /** state: views (of makeViews), share, mistake. */
  draw(state) {
    this.state = { ...state, ...compare(state.views) };
    const { views, mistake, share, finds } = this.state;
    this.share.set(share, percent(share).replace(".0", ""));
    this.mistake.checked = mistake;
    this.#asks = Math.min(this.#asks, views.length - 1);
    if (this.options?.length !== views.length) this.#build(views);
    const found = finds.filter(Boolean).length;
    const reached = `Word counts alone find ${found} of ${views.length} positives.`;
    this.verdict.textContent = mistake
      ? `${reached} Both views are the same text, so the model learns nothing about language.`
      : `${reached} With more words dropped, they find fewer.`;
    this.verdict.classList.toggle("gl-bad", mistake);
    this.#show();
  }

  #build(views) {
    this.options = views.map(() =>
      element(
        "div",
        { role: "option" },
        element("span", { className: "gl-text", dir: "auto" }),
        element("span", { className: "gl-alike" }, element("span", { className: "gl-track" }, element("span", { className: "gl-bar" })), element("span", { className: "gl-role" })),
      ),
    );
    const groups = views.filter((_, i) => i % 2 === 0).map(({ from }, pair) => {
      const name = from ? `Another text` : "Your sentence";
      const head = element("p", { className: "gl-group", "aria-hidden": "true" }, name);
      return element("div", { role: "group", "aria-label": name }, head, ...this.options.slice(2 * pair, 2 * pair + 2));
    });
    this.views.replaceChildren(...groups);
  }

  #show() {
    const { views, similarities, partner, losses, finds } = this.state;
    const asks = this.#asks;
    if (asks < 0) return;
    for (const [i, option] of this.options.entries()) {
      const { pieces, spaced, dropped, kept } = views[i];
      const alike = similarities[asks][i].toFixed(2);
      const role = i === asks ? "anchor" : i === partner[asks] ? `positive ${alike}` : `negative ${alike}`;
      const [text, below] = option.children;
      text.replaceChildren(
        ...pieces.map((piece, j) => element("span", {}, j && spaced[j] ? " " : "", element(dropped[j] ? "s" : "span", {}, piece))),
      );
      below.lastElementChild.textContent = role;
      option.style.setProperty("--share", i === asks ? 0 : similarities[asks][i]);
      option.classList.toggle("gl-partner", i === partner[asks]);
      option.classList.toggle("gl-asks", i === asks);
      select(option, i === asks);
      option.setAttribute("aria-label", `${role}: ${line(kept, kept.map(() => true))}`);
    }
    const others = similarities[asks].filter((_, j) => j !== asks && j !== partner[asks]);
    const best = Math.max(...others).toFixed(2);
    const right = similarities[asks][partner[asks]].toFixed(2);
    const n = views.length - 1;
    this.caption.textContent = others.length
      ? `Cosine similarity of word counts: ${right} to the positive, at most ${best} to a negative: ` +
        `${finds[asks] ? "found" : "not found"}. Loss ${losses[asks].toFixed(2)} nats at temperature ${TEMPERATURE}; guessing: ${Math.log(n).toFixed(2)}.`
      : "";
  }
}

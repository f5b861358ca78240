// The parts of the explorable `labels` for next and masked words: the input above the target.
//
// Key idea: every position of a text has a target or none, and arrow keys move from one to the next.

import { button, slider } from "../shared/controls.mjs";
import { element, resize } from "../shared/dom.mjs";
import { asking, copying, OBJECTIVES, percent, some } from "./sentences.mjs";
import { listbox, select } from "../shared/listbox.mjs";
import { copied } from "./objectives.mjs";
import { line } from "./pieces.mjs";

const MASK = "[MASK]";
export { MASK };

/** One tile per position: the input above, the target below. */
class TilesView {
  constructor(choose) {
    this.el = element("div", { className: "gl-tiles", "aria-orientation": "horizontal", dir: "auto" });
    listbox(this.el, choose);
  }

  /** places: { input, target, read, sees }, in order; read says it in words. */
  draw(label, places, chosen) {
    this.el.setAttribute("aria-label", label);
    const options = resize(this.el, places.length, () =>
      element("div", { role: "option" }, element("span", { className: "gl-read" }), element("span", { className: "gl-asked" })),
    );
    for (const [i, option] of options.entries()) {
      const { input, target, sees } = places[i];
      const [above, below] = option.children;
      above.textContent = input;
      below.textContent = target ?? "";
      select(option, i === chosen);
      option.setAttribute("aria-label", target === null ? `input ${input}, no target` : `input ${input}, target ${target}`);
      option.classList.toggle("gl-mask", input === MASK);
      option.classList.toggle("gl-silent", target === null);
      option.classList.toggle("gl-leaks", target === input);
      option.classList.toggle("gl-sees", sees);
    }
  }
}

export class PairsPanel {
  #place = 0;
  #objective = null;

  /** actions: save(changes) and say(text). */
  constructor(actions) {
    this.idea = element("p", { className: "gl-idea" });
    this.tiles = new TilesView((place) => {
      this.#place = place;
      this.#show();
    });
    this.caption = element("p", { className: "gl-caption" });
    this.share = slider("Masked", { min: 0.05, max: 0.9, step: 0.05 }, (share) => actions.save({ share }));
    this.others = button("Mask others", () => actions.save({ seed: actions.seed() + 1 }));
    this.masking = element("div", { className: "gx-controls" }, this.others, this.share.el);
    this.mistake = element("input", { type: "checkbox" });
    this.mistake.addEventListener("change", () => actions.save({ mistake: this.mistake.checked }));
    this.mistakeName = element("span");
    this.copying = element("p", { className: "gl-verdict" });
    this.summary = element("summary");
    this.rows = element("tbody");
    const head = ["", "input", "target"].map((text) => element("th", { scope: "col" }, text));
    const table = element("table", {}, element("thead", {}, element("tr", {}, ...head)), this.rows);
    const scroll = element("div", { className: "gx-table", tabIndex: 0, role: "region", "aria-label": "All pairs" }, table);
    const key = [["gl-read", "input"], ["gl-read gl-may", "input visible to the chosen prediction"], ["gl-asked", "target"]];
    this.el = element(
      "div",
      { className: "gl-panel" },
      this.idea,
      this.masking,
      element("p", { className: "gl-key", "aria-hidden": "true" }, ...key.map(([name, text]) => element("span", {}, element("i", { className: name }), text))),
      this.tiles.el,
      this.caption,
      element("label", { className: "gl-check" }, this.mistake, this.mistakeName),
      this.copying,
      element("details", { className: "gx-numbers" }, this.summary, scroll),
    );
  }

  /** state: objective, inputs, targets, spaced, share, mistake. */
  draw(state) {
    this.state = state;
    const { objective, inputs, targets, mistake } = state;
    if (objective !== this.#objective) {
      this.#objective = objective;
      this.#place = this.#opening();
    }
    this.#place = Math.max(0, Math.min(this.#place, inputs.length - 1));
    this.masking.hidden = objective !== "masked_word";
    this.share.set(state.share, percent(state.share).replace(".0", ""));
    this.idea.textContent = OBJECTIVES[objective].idea;
    this.mistakeName.textContent = OBJECTIVES[objective].mistake;
    this.mistake.checked = mistake;
    const asked = targets.filter((target) => target !== null).length;
    this.copying.textContent = copying(copied(state), asked, mistake);
    this.copying.classList.toggle("gl-bad", mistake);
    this.summary.textContent = asked === 1 ? "The one pair as a list" : `All ${some(asked, "pair")} as a list`;
    this.rows.replaceChildren(
      ...targets.flatMap((target, i) => {
        if (target === null) return [];
        const cells = [this.#read(i), target].map((text) => element("td", { dir: "auto" }, text));
        return [element("tr", {}, element("th", { scope: "row" }, `${i + 1}`), ...cells)];
      }),
    );
    this.#show();
  }

  /** The position that shows the objective best: the fifth pair, or the first hidden piece. */
  #opening() {
    const { objective, targets } = this.state;
    if (objective === "next_word") return 4;
    return targets.findIndex((target) => target !== null);
  }

  /** The input of a prediction: all up to a position, or all that is not masked. */
  #read(place) {
    const { objective, inputs, spaced } = this.state;
    return line(objective === "next_word" ? inputs.slice(0, place + 1) : inputs, spaced);
  }

  #show() {
    const { objective, inputs, targets, mistake } = this.state;
    const sees = (i) => (objective === "next_word" ? i <= this.#place : inputs[i] !== MASK);
    const places = inputs.map((input, i) => ({ input, target: targets[i], sees: sees(i) }));
    this.tiles.draw("Positions in the text", places, this.#place);
    const at = places[this.#place];
    this.caption.textContent = at ? asking({ ...at, read: this.#read(this.#place), mistake }) : "";
  }
}

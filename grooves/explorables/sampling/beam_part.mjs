// The third view of `sampling`: a beam, which grows step by step as a tree. Chapter 08.
//
// Key idea: search finds what is probable, and a wide beam shows that the most probable text of a
// trained model need not be a good one.

import { button, check, choice, radios } from "../shared/controls.mjs";
import { element, resize } from "../shared/dom.mjs";
import { Part } from "../shared/explorable.mjs";
import { toText } from "../shared/oracle.mjs";
import { Beam } from "./beam.mjs";
import { LanguageText, ModelText } from "./readers.mjs";
import { logP, progress } from "./sentences.mjs";
import { SOURCES } from "./settings.mjs";
import { Tree } from "./tree.mjs";

const WIDTHS = [1, 2, 3, 4, 8, 16, 32];
const STEP_MS = 120; // between two steps that can be seen
const LISTED = 5; // finished hypotheses
const ROWS = 8; // rows of the tree

export class BeamPart extends Part {
  #timer = 0;

  constructor(model) {
    super(model);
    this.motion = matchMedia("(prefers-reduced-motion: reduce)");
    this.widths = radios("Beam width", WIDTHS.map((width) => [`${width}`, `${width}`]), (width) => this.save({ width: Number(width) }), { titled: true, className: "gx-radios gs-widths" });
    this.source = choice("Model", SOURCES, (source) => this.save({ source }));
    this.normal = check("Divide by the length", (on) => this.save({ length_exponent: Number(on) }));
    this.once = button("One step", () => this.#once());
    this.run = button("Run", () => (this.#timer ? this.#pause() : this.#run()));
    this.again = button("Start over", () => this.#begin());
    this.said = element("p", { className: "gs-progress" });
    this.tree = new Tree(() => this.draw());
    this.list = element("ol", { className: "gs-finished" });
    this.none = element("p", {}, "None yet: no hypothesis has come to its end mark.");
    this.news = element("p", { className: "gx-news", role: "status" });
    this.el = element(
      "div",
      {},
      element("div", { className: "gs-search" }, this.widths.el, this.source.el, this.normal.el),
      element("div", { className: "gx-controls" }, this.once, this.run, this.again),
      this.said,
      this.tree.el,
      element("p", { className: "gx-note" }, "Numbers: log-probability of the text so far. Bold: the best live hypothesis. Struck out: dropped."),
      element("p", { className: "gx-title" }, "Finished hypotheses, best first"),
      element("div", { className: "gs-ended-list", role: "region", "aria-label": "Finished hypotheses", tabIndex: 0 }, this.none, this.list),
      this.news,
    );
  }

  load(transformer, oracle) {
    Object.assign(this, { transformer, oracle });
    this.#begin();
  }

  stop() {
    this.#pause();
    this.tree.stop();
  }

  /** Other settings need another search. */
  changed() {
    if (this.oracle) this.#begin();
  }

  #begin() {
    this.#pause();
    const text = this.get("source") === "model" ? ModelText.begin(this.transformer) : LanguageText.begin(this.oracle, this.transformer.config.context);
    this.beam = new Beam(text, { width: this.get("width"), exponent: this.get("length_exponent") });
    this.news.textContent = "";
    this.draw();
  }

  // ---- searching ---------------------------------------------------------------------------------

  #once() {
    this.#pause();
    this.beam.step();
    this.draw();
    this.#tell();
  }

  #run() {
    const seen = !this.motion.matches;
    this.run.textContent = "Pause";
    const next = () => {
      this.beam.step();
      if (seen || this.beam.over) this.draw();
      else this.said.textContent = progress(this.beam);
      if (!this.beam.over) this.#timer = setTimeout(next, seen ? STEP_MS : 0);
      else {
        this.#pause();
        this.#tell();
      }
    };
    this.#timer = setTimeout(next);
  }

  #pause() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.run.textContent = "Run";
  }

  #tell() {
    const [best] = this.beam.live;
    const leading = best && !this.beam.over ? ` Best live hypothesis: ${toText(best.tokens.map(this.#word)) || "empty"}, log-probability ${logP(best.logP)}.` : "";
    this.news.textContent = `${progress(this.beam)}${leading}`;
    const found = this.beam.finished.map(({ tokens, logP: p }) => ({ text: toText(tokens.map(this.#word)), log_p: p }));
    this.save({ found });
  }

  // ---- what is shown -----------------------------------------------------------------------------

  #word = (token) => this.oracle.vocabulary[token];

  draw() {
    if (!this.beam) return;
    const { beam } = this;
    this.widths.set(this.get("width"));
    this.source.input.value = this.get("source");
    this.normal.input.checked = this.get("length_exponent") === 1;
    for (const one of [this.once, this.run]) one.ariaDisabled = String(Boolean(beam.over));
    this.said.textContent = progress(beam);
    const more = beam.live.length > ROWS ? `, the first ${ROWS} of ${beam.live.length}` : "";
    const lines = beam.live.slice(0, ROWS).map(({ tokens, logP: p }) => `${tokens.length ? this.#word(tokens.at(-1)) : "start"} ${logP(p)}`);
    this.tree.draw(beam, this.#word, `Live hypotheses after ${beam.steps.length - 1} steps${more}, by last word and log-probability: ${lines.join(", ") || "none"}`);
    this.#drawFinished();
  }

  #drawFinished() {
    const { beam, oracle } = this;
    const shown = beam.finished.slice(0, LISTED);
    const items = resize(this.list, shown.length, () => element("li", {}, element("span", { className: "gs-figures" }), element("span")));
    shown.forEach((one, i) => {
      const words = one.tokens.map(this.#word);
      const score = beam.exponent ? `, ${beam.score(one).toFixed(3).replace("-", "−")} per word` : "";
      const accepted = words.length > 0 && accepts(oracle, words);
      items[i].children[0].textContent = `${accepted ? "✓ accepted" : "✗ not accepted"}, log-probability ${logP(one.logP)}${score}, ${words.length} words: `;
      items[i].children[1].textContent = toText(words) || "the empty story";
      items[i].classList.toggle("gs-empty", !words.length);
    });
    this.none.hidden = shown.length > 0;
  }
}

/** Whether words are a whole story of the language. */
function accepts(oracle, words) {
  let states = oracle.begin();
  for (const word of [...words, oracle.end]) states = oracle.read(states, word);
  return states.length > 0;
}

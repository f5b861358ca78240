// The second view of `sampling`: a hundred stories, told with a sampler and judged by the parser.
// Chapter 08.
//
// Key idea: two numbers for each sampler, because acceptance alone can be bought with variety.

import { button } from "../shared/controls.mjs";
import { element, resize } from "../shared/dom.mjs";
import { Part } from "../shared/explorable.mjs";
import { spaces } from "../shared/oracle.mjs";
import { LanguageText, ModelText } from "./readers.mjs";
import { label, named, range, summary, verdict } from "./sentences.mjs";
import { Settings, settingsOf } from "./settings.mjs";
import { tell } from "./telling.mjs";

const N = 100;
const KEPT = 4; // runs that stay in the table
const SLICE_MS = 24; // of work, then the page gets its turn

export class StoriesPart extends Part {
  #stopped = true;
  #turn = 0; // a timer

  constructor(model) {
    super(model);
    this.settings = new Settings((changes) => this.save(changes));
    this.start = button(`Tell ${N} stories`, () => (this.#stopped ? this.#run() : this.#stop()));
    this.seed = button("New seed", () => this.save({ seed: this.get("seed") + 1 }));
    this.bar = element("progress", { max: N, value: 0, "aria-label": "Stories told" });
    this.count = element("span", { className: "gs-count" }, `0 of ${N}`);
    this.body = element("tbody");
    const heads = ["Sampler", "Accepted", "95% interval", "Nats per word"].map((name) => element("th", { scope: "col" }, name));
    this.table = element("table", { className: "gs-runs" }, element("caption", {}, "Nats per word: mean entropy of the distributions from which the words were drawn."), element("thead", {}, element("tr", {}, ...heads)), this.body);
    this.told = element("div", { className: "gs-told", role: "region", "aria-label": "Two of the stories", tabIndex: 0 });
    this.news = element("p", { className: "gx-news", role: "status" });
    this.el = element(
      "div",
      {},
      this.settings.el,
      element("div", { className: "gx-controls" }, this.start, this.seed, this.bar, this.count),
      element("div", { className: "gs-table" }, this.table),
      this.told,
      this.news,
    );
    this.#drawTold([]);
  }

  load(transformer, oracle) {
    this.#stop();
    Object.assign(this, { transformer, oracle });
    this.draw();
  }

  stop() {
    this.#stop();
  }

  // ---- telling -----------------------------------------------------------------------------------

  #begin(source) {
    return source === "model" ? ModelText.begin(this.transformer) : LanguageText.begin(this.oracle, this.transformer.config.context);
  }

  #run() {
    const settings = settingsOf(this);
    const [source, seed] = [this.get("source"), this.get("seed")];
    const run = { label: label(settings), source, seed, told: 0, accepted: 0, nats: 0, drawn: 0 };
    const before = this.get("runs").slice(-KEPT + 1);
    const examples = { true: [], false: [] }; // the first stories, by whether they were accepted
    this.#stopped = false;
    this.start.textContent = "Stop";
    this.#drawTold([]);
    this.news.textContent = `Telling ${N} stories with ${run.label}.`;
    const slice = () => {
      const end = performance.now() + SLICE_MS;
      while (run.told < N && performance.now() < end) {
        const story = tell(this.#begin(source), this.oracle, settings, seed * N + run.told);
        run.told += 1;
        run.accepted += story.wrong === null;
        run.nats += story.nats;
        run.drawn += story.drawn;
        const alike = examples[story.wrong === null];
        if (alike.length < 2) alike.push({ story, number: run.told });
      }
      this.#drawProgress(run.told);
      if (run.told < N && !this.#stopped) this.#turn = setTimeout(slice);
      else this.#finish(run, before, examples);
    };
    slice();
  }

  /** Asked in the middle of a run: the slice that is due ends it. */
  #stop() {
    this.#stopped = true;
  }

  #finish(run, before, examples) {
    this.#stopped = true;
    this.start.textContent = `Tell ${N} stories`;
    this.save({ runs: [...before, run] });
    const [accepted, others] = [examples.true, examples.false];
    this.#drawTold(accepted.length && others.length ? [accepted[0], others[0]] : [...accepted, ...others]);
    this.news.textContent = summary(run);
  }

  // ---- what is shown -----------------------------------------------------------------------------

  draw() {
    if (!this.oracle) return;
    this.settings.draw({ ...settingsOf(this), source: this.get("source") });
    this.seed.textContent = `New seed (${this.get("seed")})`;
    const runs = this.get("runs");
    const rows = resize(this.body, KEPT, () => element("tr", {}, element("th", { scope: "row" }, element("span", { className: "gs-run" })), element("td"), element("td"), element("td")));
    rows.forEach((row, i) => {
      const run = runs[i];
      const who = run?.source === "language" ? "perfect model: " : "";
      const texts = run ? [`${who}${run.label}`, `${run.accepted} of ${run.told}`, range(run.accepted, run.told), (run.nats / run.drawn).toFixed(3)] : ["–", "", "", ""];
      [...row.children].forEach((cell, k) => ((cell.firstElementChild ?? cell).textContent = texts[k]));
      row.classList.toggle("gs-latest", Boolean(run) && i === runs.length - 1);
    });
  }

  #drawProgress(told) {
    this.bar.value = told;
    this.count.textContent = `${told} of ${N}`;
  }

  #drawTold(examples) {
    if (!examples.length) {
      this.told.replaceChildren(element("p", { className: "gx-note" }, "Two of the stories appear here: the first that is accepted and the first that is not, in which the first impossible word is marked."));
      return;
    }
    const parts = examples.map(({ story, number }) => {
      const before = spaces(story.words);
      const words = story.words.flatMap((word, i) => {
        const made = i === story.wrong ? element("mark", { className: "gs-wrong" }, word) : word;
        return before[i] ? [" ", made] : [made];
      });
      const text = words.length ? words : ["(empty)"];
      return element("div", {}, element("p", { className: "gs-verdict" }, verdict(story, number, this.oracle)), element("p", {}, ...text, ...(story.ended ? [] : [" …"])));
    });
    this.told.replaceChildren(...parts);
    this.told.scrollTop = 0;
  }
}

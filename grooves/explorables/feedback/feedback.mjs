// The explorable `feedback`: the reader's thumbs change a model that lives in the page. Chapter 10.
//
// Key idea: the output layer gets a low-rank change, computed here. How far the model has moved is
// not estimated: KL is summed over the exact distributions of every word that it tells.
// State: weights, grammar, beta, taste, thumbs, pool, told, seed; set by the page: results.

import { button, choice, slider } from "../shared/controls.mjs";
import { element, resize } from "../shared/dom.mjs";
import { explorable, Part, react } from "../shared/explorable.mjs";
import { restored, size } from "../shared/checkpoint.mjs";
import { Transformer } from "../shared/model.mjs";
import { Oracle, toText } from "../shared/oracle.mjs";
import { Chart } from "./chart.mjs";
import { Learner } from "./learner.mjs";
import { FIGURES, heading, news, progress, story, summary } from "./sentences.mjs";
import { TASTES } from "./telling.mjs";
import { RANK } from "./update.mjs";

const SLICE_MS = 24; // of work, then the page gets its turn
const BETAS = [0.1, 0.2, 0.3, 0.5, 0.7, 1, 2, 4];
const [TEN, REST_MS] = [10, 500]; // thumbs of a simulated reader; until a slider has come to rest

class Feedback extends Part {
  #job = 0; // the newest; older ones stop
  #timer = 0;
  #rest = 0;
  #now = null; // what is being done

  constructor(model) {
    super(model);
    this.stories = ["A", "B"].map((name, i) => {
      const text = element("p", { className: "gf-text" });
      const verdict = element("p", { className: "gx-note" });
      const thumb = button(`Thumb up for story ${name}`, () => this.#thumb(i));
      const region = element("div", { className: "gf-story", role: "region", "aria-label": `Story ${name}`, tabIndex: 0 }, text);
      return { text, verdict, thumb, el: element("div", {}, region, verdict, element("div", { className: "gx-controls" }, thumb)) };
    });
    this.other = button("Two other stories", () => this.save({ seed: this.get("seed") + 1 }));
    this.reset = button("Reset", () => this.save({ thumbs: [], results: [] }));
    this.taste = choice("A reader who likes", Object.entries(TASTES).map(([key, [name]]) => [key, name]), (taste) => this.save({ taste }));
    this.ten = button("gives ten thumbs", () => this.#ten());
    this.beta = slider("β, penalty for moving", { min: 0, max: BETAS.length - 1, step: 1 }, (place) => this.save({ beta: BETAS[place] }));
    this.bar = element("progress", { max: 1, value: 0, "aria-label": "Progress" });
    this.said = element("p", { className: "gf-said" });
    this.heads = ["Published", "Now"].map((name) => element("th", { scope: "col" }, name));
    this.figures = element("tbody");
    const table = element("table", { className: "gf-figures" }, element("thead", {}, element("tr", {}, element("td"), ...this.heads)), this.figures);
    this.title = element("p", { className: "gx-title" });
    this.chart = new Chart();
    this.note = element("p", { className: "gx-note" });
    this.news = element("p", { className: "gx-news", role: "status" });
    this.el = element(
      "section",
      { className: "gx gf", "aria-label": "Your thumbs change a model" },
      element("div", { className: "gf-pair" }, ...this.stories.map(({ el }) => el)),
      element("div", { className: "gf-row" }, this.other, this.reset, this.beta.el),
      element("div", { className: "gf-row" }, this.taste.el, this.ten, this.bar),
      this.said,
      element("div", { className: "gf-results" }, table, element("div", {}, this.title, this.chart.el)),
      this.note,
      this.news,
    );
  }

  // ---- what is known elsewhere -----------------------------------------------------------------

  follow(signal) {
    react(
      this.model,
      [
        ...["weights", "grammar"].map((name) => [`change:${name}`, () => this.#load()]),
        ["change:thumbs", () => this.#learn()],
        ["change:beta", () => this.#soon()],
        ["change:seed", () => this.#pair()],
        ...["taste", "results"].map((name) => [`change:${name}`, () => this.#draw()]),
      ],
      signal,
    );
    signal.addEventListener("abort", () => {
      this.#stop();
      clearTimeout(this.#rest);
      this.chart.plane.stop();
    });
    this.#load();
  }

  #load() {
    const checkpoint = restored(this.get("weights"));
    const transformer = new Transformer(checkpoint);
    this.learner = new Learner(transformer, new Oracle(this.get("grammar")), { pool: this.get("pool"), told: this.get("told") });
    const { n_embd: channels, vocabulary_size: words } = transformer.config;
    const count = (n) => n.toLocaleString("en");
    this.note.textContent = `Only the output layer changes, by a product of two matrices of rank ${RANK}: ${count(RANK * (channels + words))} numbers. The other ${count(size(checkpoint))} weights stay as published. Dashed: the least KL with which the share can be reached. Every point is measured on ${this.get("told")} new stories.`;
    this.#learn();
  }

  // ---- what the reader does --------------------------------------------------------------------

  #thumb(better) {
    const [chosen, rejected] = [better, 1 - better].map((i) => toText(this.told[i].words));
    this.save({ thumbs: [...this.get("thumbs"), { chosen, rejected }] });
  }

  #ten() {
    const n = this.get("thumbs").length;
    this.#start(this.learner.thumbs(this.get("taste"), TEN, n + 1), (given) => {
      const more = given.map(({ chosen, rejected }) => ({ chosen: toText(chosen), rejected: toText(rejected) }));
      this.save({ thumbs: [...this.get("thumbs"), ...more] });
    });
  }

  /** A slider moves in steps: learn when it rests. */
  #soon() {
    clearTimeout(this.#rest);
    this.#draw();
    if (this.get("thumbs").length) this.#rest = setTimeout(() => this.#learn(), REST_MS);
  }

  // ---- learning --------------------------------------------------------------------------------

  #learn() {
    this.#stop();
    clearTimeout(this.#rest);
    const thumbs = this.get("thumbs");
    if (!thumbs.length) {
      this.learner.reset();
      this.#pair();
      return;
    }
    this.#start(this.learner.learning(thumbs, this.get("beta")), (found) => {
      this.save({ results: [...this.get("results"), found] });
      this.#pair();
      this.news.textContent = news(thumbs.length, this.learner.before, found);
    });
  }

  /** Run a generator in slices; ended(value) is called with what it returns. */
  #start(work, ended) {
    this.#stop();
    const job = this.#job;
    const slice = () => {
      const end = performance.now() + SLICE_MS;
      while (performance.now() < end) {
        const { done, value } = work.next();
        if (done) {
          this.#now = null;
          this.#draw();
          ended(value);
          return;
        }
        this.#now = value;
      }
      this.#draw();
      if (job === this.#job) this.#timer = setTimeout(slice);
    };
    this.#timer = setTimeout(slice);
    this.#now = { what: "pool", done: this.learner.pool.length, of: this.get("pool") };
    this.#draw();
  }

  #stop() {
    this.#job += 1;
    clearTimeout(this.#timer);
    this.#now = null;
  }

  /** Two stories of the model as it is now. */
  #pair() {
    const seed = 2 * (1000 * this.get("thumbs").length + this.get("seed"));
    this.told = [seed, seed + 1].map((one) => this.learner.tell(one));
    this.#draw();
  }

  // ---- what is shown ---------------------------------------------------------------------------

  #draw() {
    const [thumbs, results] = [this.get("thumbs"), this.get("results")];
    const now = this.#now;
    (this.told ?? []).forEach((one, i) => {
      const { text, verdict } = story(one);
      this.stories[i].text.textContent = text;
      this.stories[i].verdict.textContent = verdict;
    });
    for (const one of [...this.stories.map(({ thumb }) => thumb), this.other, this.ten]) one.ariaDisabled = String(Boolean(now));
    this.reset.ariaDisabled = String(!thumbs.length);
    this.taste.input.value = this.get("taste");
    const beta = this.get("beta");
    this.beta.set(BETAS.findIndex((one) => one >= beta), `${beta}`);
    this.bar.value = now ? now.done / now.of : 0;
    const last = thumbs.length ? results.at(-1) : null;
    this.said.textContent = now || !last ? progress(now, thumbs.length) : summary({ ...last, n: last.thumbs, pool: this.get("pool") });
    this.heads[1].textContent = last ? `After ${last.thumbs}` : "Now";
    const before = this.learner?.before;
    const lines = resize(this.figures, FIGURES.length, () => element("tr", {}, element("th", { scope: "row" }), element("td"), element("td")));
    FIGURES.forEach(([key, name, text], i) => {
      const [head, was, is] = lines[i].children;
      head.textContent = name;
      was.textContent = before ? text(before[key], before) : "–";
      is.textContent = last ? text(last[key], last) : "–";
    });
    this.title.textContent = heading(this.get("taste"));
    this.chart.draw(this.get("taste"), before ?? null, results);
  }
}

export default explorable((model) => new Feedback(model));

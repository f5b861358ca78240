// The first part of the explorable `memory`: will it fit, and what has to change?
//
// Key idea: the reader guesses first. Until then the frames of the devices stand empty. Chapter 12.

import { button, check, choice, radios, slider } from "../shared/controls.mjs";
import { element } from "../shared/dom.mjs";
import { Part } from "../shared/explorable.mjs";
import { budget, KEPT, PRECISIONS, RECIPES, remedy, total, usable } from "./budget.mjs";
import { ASSUMED, count, counted, fit, judged, KEPT_NAMES, NAMES, PRECISION_NAMES, RECIPE_NAMES, situation, size, whatGives } from "./sentences.mjs";
import { DevicesView, PartsView } from "./views.mjs";

/** Questions whose answers surprise; a model is found by a part of its name. */
const QUESTIONS = [
  { model: "Llama 3.1 8B", task: "train", recipe: "mixed", kept: "inputs", batch: 1, context: 4096 },
  { model: "Llama 3.1 70B", task: "answer", precision: "int4", batch: 1, context: 8192 },
  { model: "GPT-2", task: "train", recipe: "mixed", kept: "no_scores", batch: 32, context: 1024 },
  { model: "Mistral 7B", task: "answer", precision: "bf16", batch: 32, context: 16384 },
  { model: "GPT-3", task: "answer", precision: "int4", batch: 1, context: 2048 },
  { model: "Llama 3.1 8B", task: "answer", precision: "bf16", batch: 1, context: 8192 },
];
const CHOICES = ["task", "precision", "recipe", "batch", "context", "kept", "small_cache"];

export class FitPart extends Part {
  #asked = 0; // of the questions
  #known = null; // what was last sent to the kernel
  #judged = ""; // whether the last guess was right, until something changes

  constructor(model) {
    super(model);
    const names = ["models", "devices", "model", "device", "ask", ...CHOICES];
    this.reactions = Object.fromEntries(names.map((name) => [`change:${name}`, () => this.draw()]));
    this.#build();
    this.draw();
  }

  /** What the reader turned: the last guess was about something else. */
  #turn(changes) {
    this.#judged = "";
    this.save(changes);
  }

  #build() {
    const turn = (name, read = (value) => value) => (value) => this.#turn({ [name]: read(value) });
    const power = turn("batch", (n) => 2 ** n);
    this.name = choice("Model", [], turn("model"));
    this.task = radios("Task", [["answer", "inference"], ["train", "training"]], turn("task"));
    this.precision = choice("Weights in", Object.keys(PRECISIONS).map((p) => [p, PRECISION_NAMES[p]]), turn("precision"));
    this.recipe = choice("Precision", Object.keys(RECIPES).map((r) => [r, RECIPE_NAMES[r]]), turn("recipe"));
    this.kept = choice("Keep", KEPT.map((k) => [k, KEPT_NAMES[k]]), turn("kept"));
    this.cache = check("KV cache in 8 bits", turn("small_cache"));
    this.batch = slider("Batch", { min: 0, max: 9, step: 1 }, power);
    this.context = slider("Context", { min: 7, max: 17, step: 1 }, turn("context", (n) => 2 ** n));
    this.question = element("p", { className: "gm-situation" });
    this.parts = new PartsView();
    this.shown = element("div", { className: "gm-shown" }, this.parts.el);
    this.devices = new DevicesView((device) => this.save({ device }));
    this.show = button("Show the answer", () => this.#show());
    this.another = button("Ask me another", () => this.#another());
    this.apply = button("Apply it", () => this.#apply());
    this.verdict = element("p", { className: "gm-verdict" });
    this.gives = element("p", { className: "gm-gives" });
    this.news = element("div", { role: "status" }, this.verdict, this.gives);
    this.rows = element("tbody");
    const heads = ["part", "how it is counted", "size"].map((text) => element("th", { scope: "col" }, text));
    const table = element("table", { className: "gm-counted" }, element("thead", {}, element("tr", {}, ...heads)), this.rows);
    const region = element("div", { className: "gx-table", role: "region", "aria-label": "How each part is counted", tabIndex: 0 }, table);
    this.numbers = element("details", { className: "gx-numbers" }, element("summary", {}, "How it is counted, and where the figures come from"), region, (this.sources = element("p", { className: "gx-note" })));
    this.el = element(
      "div",
      { className: "gm-view" },
      element("div", { className: "gm-settings" }, this.name.el, this.task.el, this.precision.el, this.recipe.el, this.batch.el, this.context.el, this.kept.el, this.cache.el),
      this.question,
      this.shown,
      this.devices.el,
      this.news,
      element("div", { className: "gx-controls" }, this.show, this.apply, this.another),
      this.numbers,
      element("p", { className: "gx-note" }, ASSUMED),
    );
  }

  get #row() {
    const models = this.get("models");
    return models.find(({ name }) => name === this.get("model")) ?? models[0];
  }

  get #choices() {
    return Object.fromEntries(CHOICES.map((name) => [name, this.get(name)]));
  }

  get #need() {
    return budget(this.#row, this.#choices);
  }

  #smallest() {
    const all = total(this.#need);
    return this.get("devices").find(({ memory_gib: gib }) => all <= usable(gib))?.memory_gib ?? 0;
  }

  #show() {
    const [guess, smallest] = [this.get("device"), this.#smallest()];
    this.#judged = judged(guess, smallest);
    const device = guess || smallest || this.get("devices").at(-1).memory_gib;
    this.save({ ask: false, device });
    this.another.focus();
  }

  #another() {
    const { model: part, ...choices } = QUESTIONS[this.#asked++ % QUESTIONS.length];
    const found = this.get("models").find(({ name }) => name.includes(part));
    this.#turn({ small_cache: false, ...choices, model: (found ?? this.#row).name, device: null, ask: true });
    this.devices.el.querySelector("input").focus();
  }

  #apply() {
    const steps = this.#remedy();
    this.#turn(Object.assign({}, ...(steps ?? []).map(({ change }) => change)));
    this.another.focus();
  }

  #remedy() {
    return remedy(this.#row, this.#choices, this.get("device"));
  }

  draw() {
    const [row, choices, need, asking] = [this.#row, this.#choices, this.#need, this.get("ask")];
    const train = choices.task === "train";
    const names = this.get("models").map(({ name }) => name);
    if (this.name.input.childElementCount !== names.length) this.name.input.replaceChildren(...names.map((name) => element("option", { value: name }, name)));
    this.name.input.value = row.name;
    this.task.set(choices.task);
    for (const name of ["precision", "recipe", "kept"]) this[name].input.value = choices[name];
    this.cache.input.checked = choices.small_cache;
    this.batch.set(Math.log2(choices.batch), count(choices.batch));
    this.context.set(Math.log2(choices.context), count(choices.context));
    for (const { el } of [this.precision, this.cache]) el.hidden = train;
    for (const { el } of [this.recipe, this.kept]) el.hidden = !train;

    const listed = this.get("devices");
    const device = listed.find(({ memory_gib: gib }) => gib === this.get("device"));
    this.question.textContent = asking ? `${situation(row, choices)} What is the smallest device that is large enough? Choose one before the bars appear.` : situation(row, choices);
    this.shown.hidden = asking;
    this.parts.draw(need);
    this.devices.draw({ listed, need, device: this.get("device"), asking });
    const steps = asking || !device ? [] : this.#remedy();
    this.verdict.textContent = asking || !device ? "" : this.#judged + fit(need, device);
    this.gives.textContent = asking || !device ? "" : whatGives(row, choices, steps, device);
    this.show.hidden = !asking;
    this.another.hidden = asking;
    this.apply.hidden = asking || !steps?.length;
    this.numbers.hidden = asking;
    const lines = Object.entries(counted(row, choices)).map(([part, text]) => element("tr", {}, element("th", { scope: "row" }, NAMES[part]), element("td", {}, text), element("td", {}, size(need[part]))));
    this.rows.replaceChildren(...lines);
    this.sources.textContent = `${row.name}: ${row.source}, read ${row.read}. ${device ? `${device.names}: ${device.source}, read ${device.read}. ` : ""}Optimizer state: Rajbhandari et al. 2020. Activations in training: Korthikanti et al. 2022, for a model with the architecture of GPT-3, plus the logits of the whole vocabulary; at inference we assume one layer at a time and a prompt processed in chunks of 2,048 tokens. Left out: the scales of weights in 8 and 4 bits, and the sliding windows that limit attention in some layers of some models.`;
    const known = JSON.stringify(need);
    if (known !== this.#known) {
      this.#known = known;
      this.save({ need });
    }
  }
}

// The second part of the explorable `memory`: type a number, or flip its bits. Chapter 12.
//
// Key idea: the pattern of bits is what is stored; the original number is kept beside it,
// so that the rounding error can be shown. A bit that is flipped makes another number, and that is exact.

import { button, choice } from "../shared/controls.mjs";
import { element, moveTo } from "../shared/dom.mjs";
import { Part } from "../shared/explorable.mjs";
import { bits, decode, encode, FORMATS, neighbour, parse } from "./formats.mjs";
import { bitName, exactly, hint, meaning, rounding, show } from "./numbers.mjs";
import { NumberPrompt } from "../shared/prompt.mjs";
import { StripView } from "./strip.mjs";

const TRY = ["0.1", "1/3", "257", "70000", "1e-8", "3.14159"];
const QUESTIONS = [
  ["257", "bf16"], ["70000", "fp16"], ["17", "e4m3"], ["500", "e4m3"], ["1e-8", "fp16"], ["0.1", "int8"], ["16777217", "fp32"],
];

export class BitsPart extends Part {
  #asked = 0;

  constructor(model) {
    super(model);
    this.reactions = Object.fromEntries(["format", "number", "largest", "pattern"].map((name) => [`change:${name}`, () => this.draw()]));
    this.#build();
    this.draw();
  }

  get #format() {
    return FORMATS[this.get("format")];
  }

  get #scale() {
    return this.get("largest") / 127;
  }

  #build() {
    this.format = choice("Format", Object.entries(FORMATS).map(([key, { name }]) => [key, name]), (format) => this.save({ format }));
    this.input = element("input", { type: "text", autocomplete: "off", size: 12 });
    this.input.addEventListener("input", () => this.#type(this.input.value));
    const chips = TRY.map((text) => {
      const chip = element("button", { type: "button", className: "gx-chip" }, text);
      chip.addEventListener("click", () => this.#type(text));
      return chip;
    });
    this.most = element("input", { type: "text", inputMode: "decimal", autocomplete: "off", size: 6 });
    this.most.addEventListener("input", () => {
      const largest = parse(this.most.value);
      if (largest > 0 && largest < Infinity) this.save({ largest });
    });
    this.scale = element("label", { className: "gx-choice" }, "Largest of the numbers that share a scale", this.most);
    this.message = element("p", { className: "gx-message", role: "status" });
    this.bits = element("div", { className: "gm-bits", role: "group", "aria-label": "Bits, the highest first; arrow keys move, Space flips" });
    this.value = element("p", { className: "gm-value" });
    this.said = element("p", { className: "gm-rounding", role: "status" });
    this.strip = new StripView((pattern) => this.#put(pattern));
    this.down = button("Next number down", () => this.#put(neighbour(this.get("pattern"), this.#format, -1)));
    this.up = button("Next number up", () => this.#put(neighbour(this.get("pattern"), this.#format, 1)));
    this.prompt = new NumberPrompt({ read: parse, judge: (answer) => this.#judge(answer), done: (praise) => this.#answered(praise) });
    this.ask = button("Ask me another", () => this.#ask());
    this.praise = element("p", { className: "gx-said", role: "status" });
    this.rows = element("tbody");
    const heads = ["format", "stored", "error", "next number up", "largest", "smallest above 0"].map((text) => element("th", { scope: "col" }, text));
    const region = element("div", { className: "gx-table", role: "region", "aria-label": "The same number in every format", tabIndex: 0 }, element("table", {}, element("thead", {}, element("tr", {}, ...heads)), this.rows));
    this.el = element(
      "div",
      { className: "gm-view" },
      this.prompt.el,
      this.praise,
      element("div", { className: "gm-settings" }, this.format.el, element("label", { className: "gx-choice" }, "Number", this.input), element("div", { className: "gx-chips" }, ...chips), this.scale),
      this.message,
      this.bits,
      this.value,
      this.said,
      this.strip.el,
      element("div", { className: "gx-controls gm-steps" }, this.down, this.up, this.ask),
      element("details", { className: "gx-numbers" }, element("summary", {}, "The same number in every format"), region),
      element("p", { className: "gx-note" }, "Values are rounded to the nearest number, ties to even. Values that are too large become infinity, or the largest number in e4m3 and int8, as in PyTorch."),
    );
    this.#ask(false);
  }

  // ---- what the reader does --------------------------------------------------------------------

  #type(text) {
    const x = parse(text);
    this.message.textContent = x === null ? "Type a number, such as 0.1, 1e-8, 1/3 or inf." : "";
    if (x !== null) this.save({ number: text, pattern: encode(x, this.#format, this.#scale) });
    if (this.input.value !== text) this.input.value = text;
  }

  /** Another pattern of bits: the number is now the one that it represents. */
  #put(pattern) {
    if (pattern === null) return;
    this.save({ number: exactly(decode(pattern, this.#format, this.#scale)), pattern });
  }

  #flip(place) {
    const bit = 2 ** place;
    const pattern = this.get("pattern");
    this.#put(Math.floor(pattern / bit) % 2 ? pattern - bit : pattern + bit);
  }

  #ask(focus = true) {
    const [text, format] = QUESTIONS[this.#asked++ % QUESTIONS.length];
    this.question = { text, format };
    const scaled = FORMATS[format].whole ? `, where the largest number that shares its scale is ${show(this.get("largest"))}` : "";
    this.prompt.ask(`Predict: ${show(parse(text))} is converted to ${FORMATS[format].name}${scaled}. Which number is stored?`, focus);
    this.praise.textContent = "";
    this.ask.hidden = true;
  }

  #judge(answer) {
    const { text, format } = this.question;
    const stored = decode(encode(parse(text), FORMATS[format], this.#scale), FORMATS[format], this.#scale);
    const right = Object.is(answer, stored) || Math.abs(answer - stored) <= 1e-3 * Math.abs(stored - neighbourOf(stored, FORMATS[format], this.#scale));
    return { right, text: right ? "" : `Not ${show(answer)}. ${hint(parse(text), FORMATS[format], this.#scale)}` };
  }

  #answered(praise) {
    const { text, format } = this.question;
    this.save({ format });
    this.#type(text);
    this.ask.hidden = false;
    this.praise.textContent = `${praise}${FORMATS[format].name} stores ${show(parse(text))} as ${show(decode(this.get("pattern"), this.#format, this.#scale))}.`;
    this.ask.focus();
  }

  // ---- what is shown ---------------------------------------------------------------------------

  draw() {
    const [format, scale, wanted] = [this.#format, this.#scale, parse(this.get("number")) ?? 0];
    let pattern = this.get("pattern");
    // A format, scale or number that came from elsewhere: the bits follow.
    const rounded = encode(wanted, format, scale);
    if (pattern >= 2 ** bits(format) || !Object.is(decode(pattern, format, scale), decode(rounded, format, scale))) {
      pattern = rounded;
      if (pattern !== this.get("pattern")) this.save({ pattern });
    }
    const stored = decode(pattern, format, scale);
    this.format.input.value = this.get("format");
    if (parse(this.input.value) !== wanted && document.activeElement !== this.input) this.input.value = this.get("number");
    if (parse(this.most.value) !== this.get("largest")) this.most.value = this.get("largest");
    this.scale.hidden = !format.whole;
    this.#drawBits(pattern, format);
    this.value.textContent = meaning(pattern, format, scale);
    this.said.textContent = rounding(wanted, stored);
    this.strip.draw({ pattern, format, scale, wanted });
    this.down.ariaDisabled = String(neighbour(pattern, format, -1) === null);
    this.up.ariaDisabled = String(neighbour(pattern, format, 1) === null);
    this.rows.replaceChildren(...Object.values(FORMATS).map((other) => this.#line(other, wanted)));
  }

  #drawBits(pattern, format) {
    const n = bits(format);
    if (this.drawn !== format) {
      this.drawn = format;
      const place = (i) => n - 1 - i;
      this.buttons = Array.from({ length: n }, (_, i) => {
        const one = element("button", { type: "button", tabIndex: i ? -1 : 0, className: `gm-bit gm-${bitName(place(i), format).field}` });
        one.addEventListener("click", () => {
          this.#reach(i);
          this.#flip(place(i));
        });
        one.addEventListener("keydown", (event) => {
          const to = { ArrowLeft: i - 1, ArrowRight: i + 1, Home: 0, End: n - 1 }[event.key];
          if (to === undefined) return;
          event.preventDefault();
          moveTo(this.buttons, to, (at) => this.#reach(at));
        });
        return one;
      });
      const groups = [["sign", 1], ["exponent", format.exponent], [format.whole ? "count" : "mantissa", format.mantissa]].filter(([, size]) => size);
      let from = 0;
      this.bits.replaceChildren(
        ...groups.map(([name, size]) => {
          const inside = this.buttons.slice(from, (from += size));
          return element("div", { className: "gm-field" }, element("span", { className: "gm-fieldname", "aria-hidden": "true" }, size > 1 ? `${name}, ${size} bits` : name), element("div", { className: "gm-row-of-bits" }, ...inside));
        }),
      );
    }
    this.buttons.forEach((one, i) => {
      const on = Math.floor(pattern / 2 ** (n - 1 - i)) % 2;
      one.textContent = on;
      one.setAttribute("aria-pressed", Boolean(on));
      one.setAttribute("aria-label", `${bitName(n - 1 - i, format).name}: ${on}`);
    });
  }

  #reach(at) {
    this.buttons.forEach((one, i) => (one.tabIndex = i === at ? 0 : -1));
  }

  #line(format, wanted) {
    const scale = this.#scale;
    const pattern = encode(wanted, format, scale);
    const stored = decode(pattern, format, scale);
    const above = neighbour(pattern, format, 1);
    const off = Object.is(stored, wanted) ? "nothing" : Number.isFinite(stored - wanted) && wanted ? `${show((100 * Math.abs(stored - wanted)) / Math.abs(wanted), 2)}%` : "all";
    const last = format.whole ? 127 : encode(Infinity, format, scale) - (format.finite ? 0 : 1);
    const cells = [show(stored), off, above === null ? "none" : show(decode(above, format, scale)), show(decode(last, format, scale)), show(decode(1, format, scale))];
    return element("tr", {}, element("th", { scope: "row" }, format.name), ...cells.map((text) => element("td", {}, text)));
  }
}

/** The next number above, or below the largest. */
function neighbourOf(stored, format, scale) {
  const pattern = encode(stored, format, scale);
  const other = neighbour(pattern, format, 1) ?? neighbour(pattern, format, -1);
  return other === null ? stored : decode(other, format, scale);
}

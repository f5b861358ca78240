// A question with a number for an answer: predict, check, or be shown.

import { button } from "./controls.mjs";
import { element } from "./dom.mjs";

export class NumberPrompt {
  #text = element("span");
  #field = element("input", { type: "text", inputMode: "decimal", autocomplete: "off", size: 8 });
  #said = element("p", { className: "gx-said", role: "status" });

  /** read(text): the number, or null. judge(answer): { right, text }. done(praise): the answer
   * was correct, or the reader wants to see it. */
  constructor({ read, judge, done }) {
    Object.assign(this, { read, judge, done });
    const row = element("div", { className: "gx-answer" }, element("label", {}, this.#text, this.#field), button("Check", () => this.#check()), button("Show me", () => this.#finish("")));
    this.el = element("div", { className: "gx-question", role: "group", "aria-label": "Question", hidden: true }, row, this.#said);
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // else it would press the button that gets the focus next
      this.#check();
    });
  }

  get open() {
    return !this.el.hidden;
  }

  ask(text, focus = true) {
    this.#text.textContent = `${text} `;
    this.#said.textContent = "";
    this.#field.value = "";
    this.el.hidden = false;
    if (focus) this.#field.focus();
  }

  close() {
    this.el.hidden = true;
  }

  #check() {
    const answer = this.read(this.#field.value);
    const { right, text } = answer === null ? { right: false, text: "Type a number." } : this.judge(answer);
    this.#said.textContent = text;
    if (right) this.#finish("Right. ");
  }

  #finish(praise) {
    this.close();
    this.done(praise);
  }
}

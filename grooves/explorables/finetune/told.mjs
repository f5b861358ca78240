// The same beginning, continued by the base model and by each fine-tuned one.
//
// Key idea: all sample with the same random numbers, so they differ only by their training; and
// each word is checked against the dialect's grammar, so nothing is left to the reader's impression. Chapter 06.

import { element, resize } from "../shared/dom.mjs";
import { key } from "./charts.mjs";
import { teller } from "./sentences.mjs";
import { spaces } from "../shared/oracle.mjs";
import { Story } from "../shared/story.mjs";

/** A story's text: the beginning, what was told, and the word with which the dialect is left. */
function runs(story, place) {
  const before = spaces(story.words);
  const kind = (i) => (i === place ? "gf-wrong" : i < story.promptLength ? "gf-given" : "gf-new");
  const made = [];
  story.words.forEach((word, i) => {
    if (before[i] && made.at(-1)?.className === "gf-wrong") made.push(" "); // not under its wave
    else if (before[i]) made.at(-1)?.append(" ");
    if (made.at(-1)?.className === kind(i)) made.at(-1).append(word);
    else made.push(element("span", { className: kind(i) }, word));
  });
  if (!story.ended) made.push(element("span", { className: "gf-new" }, " …"));
  return made;
}

export class Told {
  #made = ""; // for what the stories were told
  stories = {};

  constructor() {
    this.el = element("ul", { className: "gf-stories" });
  }

  /** state: { models (by key), names (by key), way, prompt (words), seed, length, dialect, first,
   * of (changes with the models) }. Returns: whether other stories are told now. */
  draw({ models, names, way, prompt, seed, length, dialect, first, of }) {
    const made = JSON.stringify([of, prompt, seed, length]);
    const anew = made !== this.#made;
    this.#made = made;
    const keys = Object.keys(names);
    const items = resize(this.el, keys.length, () => element("li", {}, element("p", { className: "gf-name" }), element("p", { className: "gf-story" }), element("p", { className: "gx-note" })));
    keys.forEach((one, i) => {
      items[i].classList.toggle("gf-strong", one === way);
      if (!anew) return;
      const story = new Story(models[one], dialect);
      story.begin(prompt);
      while (!story.finished && story.words.length < prompt.length + length) story.next(1, seed);
      this.stories[one] = story;
      const { place, text } = teller(story, first);
      const [name, told, verdict] = items[i].children;
      name.replaceChildren(...(one === "base" ? [] : [key(one)]), names[one]);
      told.replaceChildren(...runs(story, place));
      verdict.textContent = text;
    });
    return anew;
  }

  /** What was told after the beginning, by key. */
  get texts() {
    return Object.fromEntries(Object.entries(this.stories).map(([one, story]) => [one, story.text]));
  }

  /** Whether every story has come to its end. */
  get finished() {
    return Object.values(this.stories).every(({ finished }) => finished);
  }
}

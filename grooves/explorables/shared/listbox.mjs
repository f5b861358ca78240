// A list of options of which one is chosen, by a click or by the keyboard.
//
// Key idea: the Tab key reaches the chosen option alone, and the arrow keys lead on from there, in
// the direction that the list has on the page.

import { moveTo } from "./dom.mjs";

const optionsOf = (list) => [...list.querySelectorAll("[role=option]")];

/** Make a list (an element) choose among the options in it: choose(place) is called, then the place
 * has the focus. Options lie above each other, or as the list's aria-orientation says.
 * more(key, at): where other keys lead from the chosen place, undefined for nowhere.
 */
export function listbox(list, choose, more = () => undefined) {
  list.setAttribute("role", "listbox");
  list.addEventListener("click", ({ target }) => {
    const options = optionsOf(list);
    const place = options.indexOf(target.closest("[role=option]"));
    if (place >= 0) moveTo(options, place, choose);
  });
  list.addEventListener("keydown", (event) => {
    const options = optionsOf(list);
    const at = options.findIndex((option) => option.tabIndex === 0);
    const on = getComputedStyle(list).direction === "rtl" ? -1 : 1;
    const arrows = list.getAttribute("aria-orientation") === "horizontal" ? { ArrowLeft: at - on, ArrowRight: at + on } : { ArrowUp: at - 1, ArrowDown: at + 1 };
    const to = { ...arrows, Home: 0, End: options.length - 1 }[event.key] ?? more(event.key, at);
    if (to === undefined) return;
    event.preventDefault();
    moveTo(options, to, choose);
  });
}

/** Say of an option whether it is the chosen one, which the Tab key reaches. */
export function select(option, chosen) {
  option.tabIndex = chosen ? 0 : -1;
  option.setAttribute("aria-selected", chosen);
}

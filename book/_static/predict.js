/* Predict boxes: a field for the reader's guess, and the answer folded away until it is asked for.
   Without this script the answer stands open below its question. */
(() => {
  "use strict";

  const PAGE = location.pathname.split("/").slice(-2).join("/");
  const ALL = "grooves.answers";  // "shown" for readers who want every answer open

  /** Browsers may refuse to store anything, as in private windows: then nothing is kept. */
  function stored(key) {
    try { return localStorage.getItem(key) ?? ""; } catch { return ""; }
  }

  function store(key, value) {
    try {
      if (value) localStorage.setItem(key, value);
      else localStorage.removeItem(key);
    } catch { /* see above */ }
  }

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  /** Give a question its field and its button; returns a function that shows or hides the answer. */
  function fold(box, answer, number) {
    const question = [...box.querySelectorAll(":scope > p:not(.admonition-title)")]
      .map((paragraph) => paragraph.textContent).join(" ");
    const key = `grooves.guess:${PAGE}:${question.slice(0, 80)}`;
    answer.id ||= `predicted-${number}`;

    const field = element("textarea", { rows: 2, value: stored(key) });
    field.addEventListener("input", () => store(key, field.value.trim()));
    const button = element("button", { type: "button" });
    button.setAttribute("aria-controls", answer.id);
    const guess = element("p", { className: "predict-yours" });
    answer.prepend(guess);

    function show(shown) {
      if (shown) answer.removeAttribute("hidden");
      else answer.setAttribute("hidden", "until-found");  // a search in the page still finds it
      button.textContent = shown ? "Hide the answer" : "Show the answer";
      button.setAttribute("aria-expanded", shown);
      guess.textContent = field.value.trim() ? `Your guess: ${field.value.trim()}` : "";
      guess.hidden = !guess.textContent;
      if (shown) dispatchEvent(new Event("resize"));  // what scrolls is looked for anew
    }

    button.addEventListener("click", () => show(answer.hasAttribute("hidden")));
    answer.addEventListener("beforematch", () => show(true));
    const label = element("label", {}, "Your guess", field);
    box.append(element("div", { className: "predict-guess" }, label, button));
    return show;
  }

  /** The switch for readers who would rather read on, in the first box of a page. */
  function offerAll(box, folds) {
    const tick = element("input", { type: "checkbox", checked: stored(ALL) === "shown" });
    tick.addEventListener("change", () => {
      store(ALL, tick.checked ? "shown" : "");
      for (const show of folds) show(tick.checked);
    });
    const label = element("label", { className: "predict-all" }, tick, " Show the answers on all pages");
    box.querySelector(".predict-guess").append(label);
    for (const show of folds) show(tick.checked);
  }

  /** A link to something in a folded answer opens it. */
  function openTarget(shows) {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const answer = target?.closest(".predicted");
    if (!answer) return;
    shows.get(answer)?.(true);
    target.scrollIntoView();
  }

  document.addEventListener("DOMContentLoaded", () => {
    const shows = new Map();
    const parts = [...document.querySelectorAll(".admonition.predict, .predicted")];
    const boxes = parts.filter((part) => part.matches(".predict"));
    for (const box of boxes) {
      const answer = parts[parts.indexOf(box) + 1];
      if (answer?.matches(".predicted")) shows.set(answer, fold(box, answer, shows.size + 1));
    }
    if (!shows.size) return;
    offerAll(boxes[0], [...shows.values()]);
    addEventListener("hashchange", () => openTarget(shows));
    openTarget(shows);
  });
})();

/* The quick quiz: each choice is a radio button, and choosing one says at once whether it is right,
   and why. Without this script the reasons stand below their question. */
(() => {
  "use strict";

  /** Make a question's choices radio buttons. `answered(right, first)` is called at every choice. */
  function ask(question, number, answered) {
    const list = question.querySelector(".quiz-choices");
    const reasons = [...question.querySelectorAll(".quiz-why > li")];
    const name = `quiz-${number}`;
    const asked = question.querySelector(".quiz-ask");
    asked.id ||= `${name}-ask`;
    list.setAttribute("role", "radiogroup");
    list.setAttribute("aria-labelledby", asked.id);

    const said = document.createElement("div");
    said.className = "quiz-said";
    said.setAttribute("aria-live", "polite");
    list.after(said);

    let attempts = 0;
    const choices = [...list.children].map((item, index) => {
      item.setAttribute("role", "none");
      const button = Object.assign(document.createElement("input"), { type: "radio", name });
      const label = document.createElement("label");
      const text = document.createElement("span");
      text.append(...item.childNodes);
      label.append(button, text);
      item.append(label);
      button.addEventListener("change", () => {
        attempts += 1;
        clear();
        const right = item.classList.contains("quiz-right");
        item.classList.add(right ? "quiz-chosen-right" : "quiz-chosen-wrong");
        const verdict = document.createElement("strong");
        verdict.textContent = right ? "Correct. " : "Not correct. ";
        const reason = reasons[index].cloneNode(true);
        const first = reason.querySelector("p") ?? reason;
        first.prepend(verdict);
        said.replaceChildren(...reason.childNodes);
        answered(right, attempts === 1);
      });
      return { item, button };
    });

    function clear() {
      for (const { item } of choices) item.classList.remove("quiz-chosen-right", "quiz-chosen-wrong");
      said.replaceChildren();
    }

    return () => {
      attempts = 0;
      clear();
      for (const { button } of choices) button.checked = false;
    };
  }

  function begin(quiz) {
    const questions = [...quiz.querySelectorAll(".quiz-question")];
    const count = { begun: false, firstTime: 0 };
    const solved = new Set();
    const score = document.createElement("p");
    score.className = "quiz-score";
    score.setAttribute("role", "status");
    const again = Object.assign(document.createElement("button"), { type: "button", textContent: "Start again" });

    function show() {
      again.hidden = !count.begun;
      score.textContent = count.begun
        ? `${solved.size} of ${questions.length} answered correctly, ${count.firstTime} at the first attempt.`
        : "";
    }

    const resets = questions.map((question, index) => ask(question, index + 1, (right, first) => {
      count.begun = true;
      if (right) solved.add(index);
      if (right && first) count.firstTime += 1;
      show();
    }));
    again.addEventListener("click", () => {
      solved.clear();
      Object.assign(count, { begun: false, firstTime: 0 });
      for (const reset of resets) reset();
      show();
      questions[0].querySelector("input").focus();
    });
    const end = document.createElement("div");
    end.className = "quiz-end";
    end.append(score, again);
    quiz.append(end);
    quiz.classList.add("quiz-works");
    show();
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const quiz of document.querySelectorAll(".quiz")) begin(quiz);
  });
})();

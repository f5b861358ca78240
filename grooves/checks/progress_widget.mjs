/* A lab's progress in JupyterLab: the list where the lab starts, and a line that stays in sight at
   the top of the notebook. Front ends without such a place, as Colab, show the list alone. */

const LINE = "grooves-lab-progress";

/** The line: the lab's name, how far one is, and a bar. */
function makeLine(model) {
  const line = document.createElement("div");
  line.className = LINE;
  Object.assign(line.style, {
    alignItems: "center",
    background: "var(--jp-layout-color1, Canvas)",
    borderBottom: "1px solid var(--jp-border-color2, GrayText)",
    color: "var(--jp-content-font-color1, CanvasText)",
    display: "flex",
    flexWrap: "wrap",
    fontFamily: "var(--jp-ui-font-family, sans-serif)",
    fontSize: "var(--jp-ui-font-size1, 13px)",
    gap: "0 1rem",
    padding: "4px 16px",
    position: "sticky",
    top: "0",
    zIndex: "5",
  });
  const title = document.createElement("b");
  const standing = document.createElement("span");
  const bar = document.createElement("progress");
  bar.style.flex = "1 1 8rem";
  line.append(title, standing, bar);
  line.fill = () => {
    const [reached, all] = model.get("points");
    title.textContent = model.get("title");
    standing.textContent = model.get("standing");
    bar.max = all || 1;
    bar.value = reached;
    bar.setAttribute("aria-label", `Points in ${model.get("title")}: ${reached} of ${all}`);
  };
  return line;
}

function render({ model, el }) {
  const line = makeLine(model);
  let waiting = 0;

  /** Put the line in front of what scrolls, once the output hangs in its notebook. */
  function place(tries) {
    const panel = el.closest(".jp-NotebookPanel");
    const scrolled = panel?.querySelector(".jp-WindowedPanel-outer");
    if (scrolled) {
      panel.querySelectorAll(`.${LINE}`).forEach((old) => old.remove());  // of an earlier run
      scrolled.prepend(line);
    } else if (tries) {
      waiting = setTimeout(place, 100, tries - 1);
    }
  }

  function fill() {
    el.innerHTML = model.get("value");
    line.fill();
  }

  model.on("change:value", fill);
  model.on("change:standing", fill);
  fill();
  place(50);
  return () => {
    clearTimeout(waiting);
    line.remove();
  };
}

export default { render };

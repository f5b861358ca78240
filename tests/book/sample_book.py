"""Small books that exercise what the real one has or must not have.

They use the real settings, extensions and style, so a test of a sample is a test of the book's own
machinery; only the pages and the repository's address differ.
"""

import json
import shutil
import subprocess
import sys

import nbformat
import sample_code
import yaml
from built_book import ROOT, Built
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

REPOSITORY = "https://github.com/example-school/grooves-copy"  # what students may see
AUTHORS = "https://github.com/example-school/grooves-with-solutions"

COUNTER = """\
import { doubled } from "./double.mjs";
import { sum } from './parts/sum.mjs';

function render({ model, el }) {
  const button = document.createElement("button");
  const show = () => {
    button.textContent = `${model.get("label")}: ${doubled(model.get("count"))}`;
  };
  button.addEventListener("click", () => {
    model.set("count", model.get("count") + 1);
    model.save_changes();
  });
  model.on("change:count", show);
  show();
  const bytes = model.get("weights");
  const total = document.createElement("output");
  if (bytes) total.textContent = sum(new Float32Array(bytes.buffer, bytes.byteOffset));
  const plain = document.createElement("p");
  plain.className = "plain";
  plain.textContent = JSON.stringify(model.get("words") ?? null);
  el.append(button, total, plain);
}

export default { render };
"""
DOUBLE = "export const doubled = (number) => 2 * number;\n"
SUM = """\
import { doubled } from "../double.mjs";
export const sum = (numbers) => doubled(numbers.reduce((a, b) => a + b, 0));
"""
FAILING = "export default { render() { throw new Error('no luck today'); } };\n"
SAMPLE_DATA = """\
import struct

def state():
    return {"weights": struct.pack("<3f", 1.5, 2.0, 3.5), "words": ["a", "b"], "count": 100}
"""

EXPLORABLES = """\
# Explorables

```{anywidget} ../modules/counter.mjs
:css: ../modules/counter.css
:data: sample_data:state
:still: ../modules/still.svg
:alt: A still picture of a counter
:caption: The counter doubles what it counts.
{"count": 3, "label": "twice"}
```

```{anywidget} ../modules/failing.mjs
:still: ../modules/still.svg
:alt: A still picture of what fails
```
"""
FORMULAS = r"""
# Formulas

$$ s = \frac{Q K^\top}{\sqrt{D}} $$ (eq-scores)

Equation {eq}`eq-scores` costs $O(T^2)$.
"""
PREDICTIONS = """\
# Predictions

```{admonition} Predict
:class: predict
How many is two and two?
```

:::{div}
:class: predicted

It is four, by

$$ 2 + 2 = 4. $$ (eq-four)
:::

Between them.

```{admonition} Predict
:class: predict
And three and three?
```

:::{div}
:class: predicted

```{note}
Six.
```
:::
"""
QUIZ = """\
[[questions]]
practises = [1]
ask = "How many is $2 + 2$?"
choices = [
  {text = "Three", why = "One too few."},
  {text = "Four", why = "Since $2 + 2 = 4$.", right = true},
  {text = "`22`", why = "Those are digits."},
]

[[questions]]
practises = [2]
ask = "And three and three?"
choices = [
  {text = "Six", why = "Twice three.", right = true},
  {text = "Nine", why = "That is the product."},
]
"""
GLOSSARY = """\
# Glossary

```{glossary}
loss
  What training minimises, by {term}`gradient descent`.

gradient descent
  Steps against the gradient.

key
  What a {term}`loss` has not.

ReLU
rectified linear unit
  A function.
```
"""
TERMS = """\
# A loss in a title

The `loss` in code, [a loss](welcome.md) in a link, pre-loss and a glossary are none.
The first losses are; the second loss is not.

## Gradient descent

Gradient-descent, and {term}`a unit <ReLU>` before a ReLU. The relu of nobody. The key idea.
"""
PREDICT_BOX = "```{admonition} Predict\n:class: predict\nHow many?\n```\n"
LEDGER = """\
# Ledger

```{ledger-summary}
```

```{ledger} training
```

```{ledger} inference
```

```{ledger} hardware
```

```{bibliography}
:all:
```
"""
LAUNCH = """\
# Launch

```{with-students-copy}
A menu offers Binder.
```

```{without-students-copy}
Unpack the folder.
```

```{install-line}
```

```{hub-form}
```
"""
WELCOME = "# Welcome\n\nA page about the purple zeppelin.\n"

EXPERIMENT = [
    "from grooves.plots import claims\n"
    'claims.verdict("C33", holds=False, found="No gradient: 0 bytes.", correction="Say forward.")',
    'claims.verdict("C10", holds=6 * 175e9 * 300e9 > 3e23, found="3646 of them, up to 5e-10.")',
    "import ipywidgets\nfrom tqdm.notebook import tqdm\n"
    "for _ in tqdm(range(7), desc='counting'):\n    pass",
    "ipywidgets.VBox([ipywidgets.Label('what it said'), ipywidgets.Text('ask me')])",
]

MODULES = {
    "modules/counter.mjs": COUNTER,
    "modules/counter.css": ".plain { color: rgb(1, 2, 3); }\n",
    "modules/double.mjs": DOUBLE,
    "modules/parts/sum.mjs": SUM,
    "modules/failing.mjs": FAILING,
    "modules/still.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30">'
    '<rect width="40" height="30" fill="teal"/></svg>',
    "sample_data.py": SAMPLE_DATA,
}
SOUND = (
    MODULES
    | sample_code.FILES
    | {
        "book/welcome.md": WELCOME,
        "book/explorables.md": EXPLORABLES,
        "book/formulas.md": FORMULAS,
        "book/glossary.md": GLOSSARY,
        "book/terms.md": TERMS,
        "book/predictions.md": PREDICTIONS,
        "book/asking.md": "# Asking\n\n## Quick quiz\n\n```{quiz}\n```\n",
        "book/quizzes/asking.toml": QUIZ,
        "book/ledger.md": LEDGER,
        "book/launch.md": LAUNCH,
        "notebooks/experiment.ipynb": EXPERIMENT,
        "labs/exercise.ipynb": ["raise NotImplementedError"],
    }
)


def told(*texts):
    """A notebook of Markdown cells, as text to be stored."""
    return nbformat.writes(new_notebook(cells=[new_markdown_cell(text) for text in texts]))


def chapter(name, title, reading, running, *exercises):
    """Files of a chapter that states its minutes; exercises: pairs of (minutes, points)."""
    lab = [f"**Time**: {minutes} minutes. **Points**: {points}." for minutes, points in exercises]
    question = f"How does {title} work?"
    return {
        f"book/{name}.md": f"# {title}\n\n{question}\n\nReading takes about {reading} minutes.\n",
        f"notebooks/{name}.ipynb": told(f"# {title}\n\nAbout {running} minutes."),
        f"labs/{name}.ipynb": told(f"# Lab: {title}", *lab),
    }


# An edition of three chapters: those that the third one needs are partly missing.
TAUGHT = {
    "book/welcome.md": f"{WELCOME}\n```{{get-course}}\n```\n",
    "book/launch.md": LAUNCH,
    "notebooks/00_start.ipynb": told("# The first ten minutes"),
    "book/teaching.md": (ROOT / "book" / "teaching.md").read_text("utf-8"),
    **chapter("01_forward_propagation", "Multiply", 11, 13, (4, 1), (6, 2), (8, 3)),
    **chapter("04_transformer", "Look back", 17, 19, (30, 4), (20, 5)),
    **chapter("06_fine_tuning", "Begin elsewhere", 23, 29, (12, 2), (12, 2), (12, 2), (12, 3)),
    # Not a page, although it lies where pages are looked for.
    "labs/solutions/exam_answers.md": (ROOT / "labs/solutions/exam_answers.md").read_text("utf-8"),
}

# An edition: chapter 4 is left out, and pages of all kinds link to it.
EDITION_WELCOME = """\
# Grooves

Read [chapter 4](04_transformer.md), [how it looks back](04_transformer.md) and
[its notebook](../notebooks/04_transformer.ipynb), or ![a mark](../modules/still.svg).

```{ways}
- **[Read](first-chapter)**
- **[Run](../notebooks/00_start.ipynb)**
- **Teach**
```

## Chapters

```{chapter-cards}
```

```{get-course}
```

- [Look back](04_transformer.md)
- [Multiply](01_forward_propagation.md)
"""
# Everything that has a number: formulas, a figure, exercises; and a page that refers to them.
NUMBERED = """
## Inside

$$ a = b $$ (eq-first)

$$ b = c $$ (eq-second)

```{figure} ../modules/still.svg
:name: fig-mark
:alt: A mark

The mark.
```

```{exercise}
:label: ex-first

First.
```

```{exercise}
:label: ex-second

Second.
```
"""
NUMBERED_FIRST = "\n```{exercise}\n:label: ex-other\n\nOther.\n```\n"
OUR_ROOMS = """\
# Our rooms

Room 101, as {eq}`eq-second`, {numref}`fig-mark` and {ref}`ex-second` say.

$$ d = e $$ (eq-rooms)
"""
EDITION_START = """\
# Start

| idea | chapter |
|---|---|
| products | [Multiply](../book/01_forward_propagation.md) |
| attention | [Look back](../book/04_transformer.md) |
"""
ADDRESS = "https://school.example.edu/grooves/"
EDITION_LAB = (
    f"# Lab: Multiply\n\nRead [the page]({ADDRESS}book/01_forward_propagation.html#multiply).\n\n"
    "**Time**: 4 minutes. **Points**: 1."
)
EDITION_TOML = f"""\
name = "Ridges"
institution = "Example School"
logo = "modules/still.svg"
colour = "#8a1538"
address = "{ADDRESS}"
leave_out = [4]

[[pages]]
file = "book/our_rooms"
part = "Second"
"""
EDITION = {
    "modules/still.svg": MODULES["modules/still.svg"],
    "book/welcome.md": EDITION_WELCOME,
    "book/launch.md": LAUNCH,
    "book/ledger.md": LEDGER,
    "book/our_rooms.md": OUR_ROOMS,
    "notebooks/00_start.ipynb": told(EDITION_START),
    **chapter("01_forward_propagation", "Multiply", 11, 13, (4, 1)),
    **chapter("04_transformer", "Look back", 17, 19, (30, 4)),
    **chapter("06_fine_tuning", "Begin elsewhere", 23, 29, (12, 2)),
    "labs/01_forward_propagation.ipynb": told(EDITION_LAB),
    "edition.toml": EDITION_TOML,
}
EDITION["book/06_fine_tuning.md"] += NUMBERED
EDITION["book/01_forward_propagation.md"] += NUMBERED_FIRST

FAULTY = {
    "book/welcome.md": "# Welcome\n",
    "book/formula.md": "# Formula\n\n$$ \\nosuchcommand x $$\n",
    "book/unanswered.md": f"# Unanswered\n\n{PREDICT_BOX}\nText.\n\n{PREDICT_BOX}",
    "book/unasked.md": "# Unasked\n\n:::{div}\n:class: predicted\n\nFour.\n:::\n",
    "book/no_quiz.md": "# None\n\n```{quiz}\n```\n",
    "book/two_right.md": "# Two\n\n```{quiz}\n```\n",
    "book/quizzes/two_right.toml": QUIZ.replace('"One too few."', '"No.", right = true'),
    "book/missing.md": "# Missing\n\n```{anywidget} ../modules/nowhere.mjs\n```\n",
    "book/circle.md": "# Circle\n\n```{anywidget} ../modules/a.mjs\n```\n",
    "book/plan.md": "# Plan\n\n```{course-plan}\n:weeks: 0\n:hours: 4\n```\n",
    "book/unplanned.md": "# Unplanned\n\n```{course-plan}\n:weeks: 7\n:hours: 4\n```\n",
    "book/no_alt.md": "# Alt\n\n```{anywidget} ../modules/c.mjs\n:still: ../modules/s.svg\n```\n",
    "book/state.md": "# State\n\n```{anywidget} ../modules/c.mjs\n[1, 2]\n```\n",
    "book/ledger.md": "# Ledger\n\n```{ledger} gardening\n```\n",
    "notebooks/raises.ipynb": ["1 / 0"],
    "notebooks/twice.ipynb": [
        "from grooves.plots import claims\n"
        'claims.verdict("C01", True, "Yes.")\n'
        'claims.verdict("C01", False, "No.")'
    ],
    "modules/a.mjs": 'import "./b.mjs";\n',
    "modules/b.mjs": 'import "./a.mjs";\n',
    "modules/c.mjs": "export default { render() {} };\n",
    "modules/s.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
}


def build(folder, files, copy=REPOSITORY):
    """Write a book's files into the folder and build it the way book/build.py builds the real one.

    files: path to content; a list is a notebook's code cells. copy: the students' copy that is set.
    """
    for part in ("book/_ext", "book/_static"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy2(ROOT / "book" / "build.py", folder / "book" / "build.py")
    shutil.copy2(ROOT / "book" / "references.bib", folder / "book" / "references.bib")
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            nbformat.write(notebook(path, content), target)
        else:
            target.write_text(content, "utf-8")
    pages = sorted(
        path.rpartition(".")[0]
        for path in files
        if path.endswith((".md", ".ipynb")) and "/solutions/" not in path
    )
    # Two parts; pages that an edition adds are not in the contents.
    first = [page for page in pages if page not in ("book/welcome", "book/our_rooms")]
    half = len(first) // 2
    parts = [("First", first[:half]), ("Second", first[half:])]
    contents = {"format": "jb-book", "root": "book/welcome"}
    contents["parts"] = [
        {"caption": caption, "chapters": [{"file": page} for page in listed]}
        for caption, listed in parts
        if listed
    ]
    (folder / "_toc.yml").write_text(yaml.safe_dump(contents), "utf-8")
    settings = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    settings["repository"]["url"] = AUTHORS
    addresses = {"launch_copy": copy, "launch_branch": "main", "launch_hub": ""}
    settings["sphinx"]["config"] |= addresses
    settings["sphinx"]["local_extensions"]["sample_path"] = "."
    (folder / "sample_path.py").write_text("def setup(app): ...\n", "utf-8")
    (folder / "_config.yml").write_text(yaml.safe_dump(settings), "utf-8")
    command = [sys.executable, str(folder / "book" / "build.py")]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    log = done.stdout.decode("utf-8", "replace")
    return Built(folder / "_build" / "html", log, done.returncode)


def notebook(path, sources):
    """A notebook as the repository stores it: no outputs, and a title cell first."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [new_markdown_cell(f"# {path}"), *(new_code_cell(source) for source in sources)]
    made = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    return nbformat.from_dict(json.loads(json.dumps(made)))

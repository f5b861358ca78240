"""The command `grooves labs new-exercise`: the files that an exercise needs, ready to be filled in.

Key idea: an exercise consists of four cells in a master, a check, and answers that test the check.
Their frame follows from the exercise's name, so it is generated, and the author fills in the rest.
Labs of every chapter.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from grooves.grading.masters import LabError, exercises_of, read_master, stored

TEACHERS_PAGE = "labs/solutions/README.md"

TEXT = """\
## {title}

**Goal**: TODO in one line.

**Time**: {minutes} minutes. **Difficulty**: ●●○○○ (2 of 5).

TODO: the idea in plain words.

*By hand.* TODO: the smallest case, worked out.

**Task.** Write `{name}(x)`. TODO: shapes, and every promise that the check will try."""

ANSWER = '''\
def {name}(x):
    """TODO what it returns. x: (B, C) -> (B, C)."""
    ### BEGIN SOLUTION
    return x
    ### END SOLUTION'''

HINTS = """\
<details><summary>Hint 1: a nudge</summary>

TODO: a question that points the way.

</details>

<details><summary>Hint 2: nearly the answer</summary>

TODO: the answer without its last step.

</details>"""

NUMPY_CHECK = '''\
"""Check of lab {chapter}: {plain} (chapter {chapter}).

Key idea: TODO what its inputs can tell apart that a quick look cannot.
Shapes: B rows, C columns.
"""

from __future__ import annotations

import numpy as np

from grooves.checks import check
from grooves.checks.arrays import by_hand, draw, judge
from grooves.checks.compare import Mistake

LAB = "{lab}"

# A mistake is its name, its code and its sentence; six to twelve, each made by real students.
MISTAKES = (
    Mistake("unchanged", lambda x: x, "TODO what they did, and what to do."),
    Mistake("zeros", lambda x: np.zeros_like(x), "TODO"),
)


@check(lab=LAB, exercise="{name}")
def {name}(answer):
    """{name}(x): (B, C) -> (B, C)."""
    # Sizes that differ from each other and from the text's; two inputs of one shape; a batch of
    # one; what is long, large, negative, tied.
    for seed, shape in ((1, (3, 7)), (2, (3, 7)), (3, (1, 5)), (4, (130, 2))):
        x = draw(seed, *shape)
        expected = 2 * x  # TODO by another way than the solution's
        # by_hand refuses the course's own code; without it, anything may be called
        judge(by_hand(answer), (x,), expected, MISTAKES, f"x of shape {{shape}}", "it should be")
'''

TORCH_CHECK = '''\
"""Check of lab {chapter}: {plain} (chapter {chapter}).

Key idea: TODO what its inputs can tell apart that a quick look cannot.
Shapes: B rows, C columns.
"""

from __future__ import annotations

import torch
from torch import Tensor

from grooves.checks import check
from grooves.checks.compare import Mistake, compare, draw, written_by_hand

LAB = "{lab}"

# A mistake is its name, its code and its sentence; six to twelve, each made by real students.
MISTAKES = (
    Mistake("unchanged", lambda x: x, "TODO what they did, and what to do."),
    Mistake("zeros", lambda x: torch.zeros_like(x), "TODO"),
)


@check(lab=LAB, exercise="{name}", returns=Tensor)
def {name}(answer):
    """{name}(x): (B, C) -> (B, C)."""
    # Sizes that differ from each other and from the text's; two inputs of one shape; a batch of
    # one; what is long, large, negative, tied.
    for seed, shape in ((1, (3, 7)), (2, (3, 7)), (3, (1, 5)), (4, (130, 2))):
        x = draw(seed, *shape)
        expected = 2 * x  # TODO by another way than the solution's
        # written_by_hand refuses the course's own code, and functions of PyTorch's so named; where
        # anything may be called: got = answer(x.clone())
        got = written_by_hand(answer, x.clone(), ready_made=())
        compare(got, expected, MISTAKES, (x,), f"x of shape {{shape}}", "it should be")
'''

ANSWERS = """

# ---- {name} {dashes}


@right("{name}", "TODO in another way")
def _(x):
    return 2 * x


@right("{name}", "TODO and in a third")
def _(x):
    return x + x


ANSWERS.by_hand(
    "{name}",
    "TODO: a sentence of the text, word for word",
    lambda {name}: True,
)
"""


def create(root: Path, lab: str, name: str, after: str | None, points: int, minutes: int) -> list:
    """Write the files of a new exercise into a course's folder.

    after: the exercise that it follows; None puts it last. Exercises are renumbered automatically.
    Returns: sentences that say what to fill in, and where.
    Raises: LabError where the name is invalid or taken, or the lab or `after` does not exist.
    """
    master = root / "labs" / "solutions" / f"{lab}.ipynb"
    short = lab.partition("_")[2]
    package = root / "grooves" / "checks" / short
    answers = root / "tests" / "checks" / "answers" / f"{short}.py"
    if not master.is_file():
        known = ", ".join(sorted(path.stem for path in master.parent.glob("[0-9]*.ipynb")))
        raise LabError(f"there is no lab {lab!r}; the labs are {known}")
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        raise LabError(
            f"{name!r} is not a valid name for a function: use lower-case letters and underscores"
        )
    notebook = read_master(master)
    names = [exercise.name for exercise in exercises_of(notebook, lab)]
    if name in names or (package / f"check_{name}.py").exists():
        raise LabError(f"{lab} already has an exercise {name!r}: choose another name")
    if after is not None and after not in names:
        raise LabError(f"{lab} has no exercise {after!r}; its exercises are {', '.join(names)}")
    after = after or names[-1]
    place = _place(package / "__init__.py", short, after)
    number = names.index(after) + 2
    words = dict(
        lab=lab, name=name, title=name.replace("_", " ").capitalize(), plain=name.replace("_", " "),
        points=points, minutes=minutes, chapter=lab[:2],
        dashes="-" * (91 - len(name)),
    )  # fmt: skip
    _insert_cells(notebook, after, words)
    master.write_text(stored(notebook), encoding="utf-8")
    check = NUMPY_CHECK if _uses_numpy(notebook) else TORCH_CHECK
    (package / f"check_{name}.py").write_text(check.format(**words), encoding="utf-8")
    _list_check(package / "__init__.py", short, name, place)
    with answers.open("a", encoding="utf-8") as file:
        file.write(ANSWERS.format(**words))
    return [
        f"{master.relative_to(root)}: four cells, {name}-text to {name}-hints",
        f"{(package / f'check_{name}.py').relative_to(root)}: inputs, the correct result, mistakes",
        f"{answers.relative_to(root)}: two correct answers written differently, at the end",
        *_add_row(root / TEACHERS_PAGE, after, words),
        *_numbered_places(root, lab, number),
        f"then: grooves labs release {lab}; pytest tests/checks tests/grading/test_labs_command.py "
        f"-k '{lab}-{name} or ({lab} and not {lab}-)'; make format",
    ]


def _uses_numpy(notebook: nbformat.NotebookNode) -> bool:
    """Whether the lab's setup imports NumPy, so that its answers are written with it."""
    setup = next(cell for cell in notebook["cells"] if cell.get("id") == "setup")
    return "import numpy" in setup.source


def _numbered_places(root: Path, lab: str, number: int) -> list[str]:
    """Places in texts that name exercises of a lab by numbers that the new one has changed."""
    package, page = root / "grooves/checks" / lab.partition("_")[2], root / TEACHERS_PAGE
    of_the_lab, chapter = False, int(lab[:2])
    found = []
    for path in (page, *sorted(package.glob("*.py"))):
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        for i, line in enumerate(lines, 1):
            if line.startswith("#"):
                of_the_lab = line.startswith(f"### Lab {chapter}:")
            if path == page and not of_the_lab and f"lab {chapter} " not in line:
                continue
            named = re.search(r"[Ee]xercises? (\d+)(?: (?:to|and) (\d+))?", line)
            if named and max(int(n) for n in named.groups() if n) >= number:
                found.append(f"{path.relative_to(root)}:{i}: does {named[0]!r} still hold?")
    return found


def _add_row(page: Path, after: str, words: dict) -> list[str]:
    """Insert a row after that of `after` into the table on the teachers' page."""
    if not page.is_file():
        return []
    lines = page.read_text(encoding="utf-8").split("\n")
    lab = next(
        i for i, line in enumerate(lines) if line.startswith(f"### Lab {int(words['chapter'])}: ")
    )
    row = re.compile(rf"\| \d+ {after} \|")
    place = next(i for i, line in enumerate(lines) if i > lab and row.match(line))
    told = "| {name} | {minutes} | {points} | TODO what students get wrong, and what helps. |"
    lines.insert(place + 1, told.format(**words))
    page.write_text("\n".join(lines), encoding="utf-8")
    return ["labs/solutions/README.md: what students get wrong, in the new row of the lab's table"]


def _insert_cells(notebook: nbformat.NotebookNode, after: str, words: dict) -> None:
    cells, name = notebook["cells"], words["name"]
    start = max(i for i, cell in enumerate(cells) if cell.get("id", "").startswith(f"{after}-"))
    settings = {"locked": False, "schema_version": 3, "task": False}
    answer = {"grade": False, "grade_id": name, "solution": True, **settings}
    grade = {"grade": True, "grade_id": f"{name}-check", "points": words["points"]}
    grade |= {"solution": False, **settings, "locked": True}
    parts = (
        ("text", "markdown", TEXT, {}),
        ("answer", "code", ANSWER, {"nbgrader": dict(sorted(answer.items()))}),
        ("check", "code", "check.{name}({name})", {"nbgrader": dict(sorted(grade.items()))}),
        ("hints", "markdown", HINTS, {}),
    )
    for offset, (part, kind, source, metadata) in enumerate(parts, 1):
        make = new_code_cell if kind == "code" else new_markdown_cell
        cell = make(source.format(**words), id=f"{name}-{part}", metadata=metadata)
        cells.insert(start + offset, cell)


def _place(path: Path, short: str, after: str) -> int:
    """The line that imports the check of an exercise; it must not import a later one as well."""
    imported = re.compile(rf"from grooves\.checks\.{short}\.\w+ import (.+)")
    for i, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        together = re.split(r",\s*", match[1]) if (match := imported.match(line)) else []
        if after in together:
            if after != together[-1]:
                raise LabError(
                    f"the checks of {', '.join(together)} are in one module, in this order: give "
                    f"--after {together[-1]}"
                )
            return i
    raise LabError(f"{path} imports no check of {after}")


def _list_check(path: Path, short: str, name: str, place: int) -> None:
    """Import the check after that of the preceding exercise, and list it in `__all__`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    lines.insert(place + 1, f"from grooves.checks.{short}.check_{name} import {name}")
    first = lines.index("__all__ = [")
    last = lines.index("]", first)
    lines[first + 1 : last] = sorted({*lines[first + 1 : last], f'    "{name}",'})
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")

"""A lab as a term sets it: chosen exercises, numbers, points, and what later ones need."""

import copy
import re
from pathlib import Path

import mini_lab
import pytest

from grooves.grading.masters import exercises_of, masters, read_master, release
from grooves.grading.term.planned import planned
from grooves.grading.term.term_file import Plan
from grooves.grading.term.uses import Uses, symbols, without

REAL = masters(Path(__file__).parents[3] / "labs")


@pytest.mark.parametrize("lab", REAL)
def test_a_lab_that_is_set_whole_is_the_lab(lab):
    master = read_master(REAL[lab])
    notebook, said = planned(master, lab, Plan())
    assert release(notebook, lab) == release(master, lab)
    assert said == []


@pytest.mark.parametrize("lab", REAL)
@pytest.mark.parametrize("half", ["first", "second"])
def test_half_of_a_lab_is_numbered_anew_and_every_name_in_it_is_defined(lab, half):
    master = read_master(REAL[lab])
    names = [e.name for e in exercises_of(master, lab)]
    middle = len(names) // 2
    chosen = tuple(names[:middle] if half == "first" else names[middle:])
    notebook, _ = planned(master, lab, Plan(chosen))
    assert [e.name for e in exercises_of(notebook, lab)] == list(chosen)
    text = "\n".join(cell.source for cell in notebook.cells)
    numbers = [int(n) for n in re.findall(r"^## (\d+)\. ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(chosen) + 1))
    minutes = [int(n) for n in re.findall(r"\*\*Time\*\*: (\d+) minutes\. ", text)]
    assert f"**Time**: {sum(minutes)} minutes for {len(chosen)} exercises" in text
    named = {
        int(n)
        for said in re.findall(r"[Ee]xercises? ([\d, ]+(?: (?:and|to) \d+)?)", text)
        for n in re.findall(r"\d+", said)
    }
    assert named <= set(numbers), "a sentence names an exercise that is not there"
    assert "{{" not in text.replace('f"{{', "")
    # whatever a cell reads that some cell of the whole lab defines is defined before it here, too
    sources = [c.source if c.cell_type == "code" else "" for c in notebook.cells]
    everything = {n for c in master.cells if c.cell_type == "code" for n in symbols(c.source)[0]}
    uses, known = Uses(sources), set()
    for defines, reads in zip(uses.defines, uses.reads, strict=True):
        assert reads & everything <= known
        known |= defines
    release(notebook, lab)


def test_an_exercise_that_is_not_set_goes_and_is_given_where_another_needs_it():
    master = mini_lab.master()
    notebook, said = planned(master, mini_lab.LAB, Plan(("longest",)))
    ids = [cell.id for cell in notebook.cells]
    assert ids == ["title", "setup", "longest-text", "longest-answer", "longest-check"]
    assert said == []
    notebook, said = planned(master, mini_lab.LAB, Plan(("twice_sum",)))
    given = next(cell for cell in notebook.cells if cell.id == "double-answer")
    assert given.source == "def double(x):\n    return 2 * x"
    assert "nbgrader" not in given.metadata
    assert "double-check" not in [cell.id for cell in notebook.cells]
    assert said == ["double is not set, but others need it, so its answer is given."]
    shown = release(notebook, mini_lab.LAB)
    text = "\n".join(cell.source for cell in shown.cells)
    assert "return 2 * x" in text
    assert "sum(double(v)" not in text  # the answer that is asked for is not


def test_points_of_a_plan_stand_in_text_and_metadata():
    master = read_master(REAL["04_transformer"])
    before = copy.deepcopy(master)
    notebook, _ = planned(master, "04_transformer", Plan(None, {"softmax": 2.5}))
    assert [e.points for e in exercises_of(notebook, "04_transformer")][:2] == [2.5, 3]
    setup = next(cell.source for cell in notebook.cells if cell.id == "setup")
    assert "check.start(with_term=True)" in setup
    text = next(cell.source for cell in notebook.cells if cell.id == "softmax-text")
    assert "**Points**: 2.5." in text
    assert master == before


def test_a_local_name_is_not_another_cells():
    uses = Uses(["def f(x):\n    return x", "x = 1", "def g(x):\n    f = x\n    return f", "f(2)"])
    assert uses.needed([2]) == set()
    assert uses.needed([3]) == {0}
    assert symbols("def (") == (set(), set())


def test_sentences_about_exercises_follow_the_choice():
    lab = "04_transformer"
    plan = Plan(("causal_attention", "rotate", "repaired"))
    notebook, _ = planned(read_master(REAL[lab]), lab, plan)
    shown = {cell.id: cell.source for cell in notebook.cells}
    assert "In exercises 1 and 2 you *write* something" in shown["how"]
    assert "softmax is refused" not in shown["how"]  # neither is set
    assert "PyTorch's own attention is refused in exercise 1." in shown["how"]
    assert "compare it with your mask of exercise 1." in shown["repaired-hints"]
    notebook, _ = planned(read_master(REAL[lab]), lab, Plan(("repaired",)))
    shown = {cell.id: cell.source for cell in notebook.cells}
    assert "your mask of the exercise “Causal attention” (not set)." in shown["repaired-hints"]


def test_a_part_that_shows_what_was_built_stays_where_most_of_it_is_set():
    lab = "04_transformer"
    master = read_master(REAL[lab])
    names = [e.name for e in exercises_of(master, lab)]
    assert names[4:6] == ["block", "next_word_loss"]
    notebook, said = planned(master, lab, Plan(tuple(names[:5])))
    shown = {cell.id: cell.source for cell in notebook.cells}
    assert "assembled(model, ids)" in shown["assembled"]
    assert "assert difference < 1e-3" in shown["assembled"]
    assert "next_word_loss" not in "\n".join(shown.values())  # the next exercise is not given away
    assert "{loss" not in shown["assembled"]  # what was built on it goes, too
    assert any("A trained model in your functions" in one for one in said)
    _, said = planned(master, lab, Plan(tuple(names[:3])))
    assert any("Left out" in one and "A trained model" in one for one in said)


def test_lines_are_cut_with_what_builds_on_them_and_never_half_a_block():
    source = "a = f(1)\nwith open(a) as file:\n    b = g(2)\n    c = 3\nprint(b)\nprint(c)"
    assert without(source, {"g"}) == "a = f(1)\nwith open(a) as file:\n    c = 3\nprint(c)"
    assert without("with h() as x:\n    y = g(x)\nprint(1)", {"g"}) is None
    assert without("def k(x):\n    return g(x)\nprint(1)", {"g"}) is None
    assert without("if (", {"g"}) is None

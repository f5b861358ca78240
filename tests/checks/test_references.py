"""References to exercises: written by name, they show the numbers that the exercises have now."""

import re
from pathlib import Path

import pytest

from grooves import checks
from grooves.checks import term
from grooves.checks.references import MARKER, resolve

TITLES = {name: name.title() for name in ("ant", "bee", "cat", "dog", "eel", "fox")}


def shown(text, *order):
    return resolve(text, list(order or TITLES), TITLES)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("As in {{exercise cat}}.", "As in exercise 3."),
        ("{{Exercise ant}} showed it.", "Exercise 1 showed it."),
        ("In {{exercises bee to eel}} you write.", "In exercises 2 to 5 you write."),
        ("{{Exercises ant, bee, cat and fox}}", "Exercises 1, 2, 3 and 6"),
        ("{{exercises ant and cat to eel}}", "exercises 1 and 3 to 5"),
        (
            "No reference: {{minutes}}, {x}, {{exercise}}.",
            "No reference: {{minutes}}, {x}, {{exercise}}.",
        ),
    ],
)
def test_a_name_is_shown_as_the_number_of_its_exercise(text, whole):
    assert shown(text) == whole


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("As in {{exercise cat}}.", "As in exercise 2."),
        ("{{exercises bee to eel}}", "exercises 1 to 3"),
        ("{{exercises ant to cat}}", "exercises 1 and 2"),
        ("{{exercises ant, cat and fox}}", "exercise 2"),
        ("{{exercises ant and dog to fox}}", "exercise 3"),
    ],
)
def test_numbers_follow_the_exercises_that_are_set(text, part):
    assert shown(text, "bee", "cat", "eel") == part


def test_an_exercise_that_is_not_set_is_named_and_a_line_about_several_goes():
    text = "First.\n{{Exercises ant and dog}} may call anything.\nAs {{exercise ant}} showed."
    assert shown(text, "bee") == "First.\nAs the exercise “Ant” (not set) showed."


def test_a_name_that_is_no_exercise_is_refused_with_those_that_are():
    with pytest.raises(
        ValueError, match="names 'gnu', which is not an exercise; the exercises are ant, bee"
    ):
        shown("{{exercises ant to gnu}}")


@pytest.mark.parametrize("lab", term.lab_table())
def test_every_reference_in_the_checks_names_an_exercise(lab):
    folder = Path(checks.__file__).parent / lab[3:]
    said = "\n".join(path.read_text("utf-8") for path in sorted(folder.rglob("*.py")))
    for marker in re.finditer(r"\{\{[^{}]*\}\}", said):
        if MARKER.fullmatch(marker[0]):
            assert "{{" not in term.numbered(lab, marker[0])
    typed = re.search(r'^ +f?"(?!"").*[Ee]xercises? \d', said, re.MULTILINE)
    assert typed is None, f"a message names an exercise by its number: {typed[0]}"

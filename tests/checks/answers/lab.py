"""What the answers to all labs have in common: where they come from and how they are written down.

A file here, one a lab, holds right answers written in several ways and wrong ones, each under the
name of the hint that its check must give. The reference is not among them: it is taken from the
solutions notebook by its cell's id, so that it exists once.
"""

import copy
import importlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType

import torch

ROOT = Path(__file__).resolve().parents[3]

# Each lab's checks before anything imports a part of them: exercises count in order of definition.
for _path in sorted((ROOT / "labs" / "solutions").glob("*.ipynb")):
    importlib.import_module(f"grooves.checks.{_path.stem.partition('_')[2]}")


@dataclass(frozen=True)
class ByHand:
    """A case that the lab's text works by hand, word for word, and whether the reference agrees."""

    exercise: str
    stated: str
    holds: Callable


class Answers:
    """Answers to one lab.

    needs: ids of the cells that an exercise's answer calls on, by exercise.
    trains: exercises whose checks train a model, which takes seconds. shorten: makes their training
    short, with pytest's monkeypatch; it then need not pass.
    plain_hints: names of the wrong answers whose message is no comparison of numbers. harmless: by
    exercise, faults of `mutants` that leave the answer right, each with the reason.
    """

    def __init__(
        self,
        lab: str,
        needs: dict[str, Sequence[str]] | None = None,
        trains: Sequence[str] = (),
        plain_hints: Sequence[str] = (),
        harmless: dict[str, dict[str, str]] | None = None,
        shorten: Callable = lambda monkeypatch: None,
    ):
        self.lab, self.needs, self.trains = lab, needs or {}, trains
        always = ("ready_made", "course_code", "wrong_type", "changed_input", "remembers")
        self.plain_hints = {*always, "overwritten", *plain_hints}
        self.shorten, self.harmless = shorten, harmless or {}
        self.master = ROOT / "labs" / "solutions" / f"{lab}.ipynb"
        self.student = ROOT / "labs" / f"{lab}.ipynb"
        self.right_answers: dict[str, dict[str, object]] = {}
        self.wrong_answers: dict[str, dict[str, object]] = {}
        self.rare_answers: dict[str, dict[str, tuple[object, str]]] = {}  # and their hints
        self.worked: list[ByHand] = []
        self.setups: dict[str, tuple[dict, torch.Tensor]] = {}

    def right(self, exercise: str, name: str) -> Callable:
        """Write down a right answer: a decorator, or called with the answer."""
        return lambda answer: self._write(self.right_answers, exercise, name, answer)

    def wrong(self, exercise: str, hint: str) -> Callable:
        """Write down a wrong answer, under the hint that its check must give."""
        return lambda answer: self._write(self.wrong_answers, exercise, hint, answer)

    def rare(self, exercise: str, name: str, hint: str = "unrecognised") -> Callable:
        """Write down a wrong answer that no mistake of its own names, and the hint that it gets."""

        def write(answer):
            self._write(self.rare_answers, exercise, name, (answer, hint))
            return answer

        return write

    def by_hand(self, exercise: str, stated: str, holds: Callable) -> None:
        """Write down what the lab states, and a function of the reference that proves it."""
        self.worked.append(ByHand(exercise, stated, holds))

    def _write(self, table, exercise, name, answer):
        assert name not in table.setdefault(exercise, {}), f"{exercise}: two answers named {name}"
        table[exercise][name] = answer
        return answer

    def reference(self, exercise: str):
        """The answer in the solutions notebook."""
        needed = self.needs.get(exercise, [])
        return self.run_cells(self.master, *needed, f"{exercise}-answer")[exercise]

    def stub(self, exercise: str):
        """The answer as the student finds it."""
        given = [id_ for id_ in self.needs.get(exercise, []) if not id_.endswith("-answer")]
        return self.run_cells(self.student, *given, f"{exercise}-answer")[exercise]

    def run_cells(self, path: Path, *ids: str) -> dict:
        """The names that a notebook's cells define, run in order after its setup cell."""
        sources = self.master_cells if path == self.master else self.student_cells
        names = self.set_up(sources["setup"])
        for id_ in ids:
            exec(compile(sources[id_], f"<{id_}>", "exec"), names)
        return names

    def set_up(self, source: str) -> dict:
        """The names that a setup cell defines. It runs once; each call gets copies of its data.

        PyTorch's random numbers begin each time as they do after the cell.
        """
        if source not in self.setups:
            names = {"__name__": "__lab__"}
            exec(compile(source, "<setup>", "exec"), names)
            self.setups[source] = names, torch.get_rng_state()
        names, state = self.setups[source]
        torch.set_rng_state(state)
        whole = {k: v for k, v in names.items() if k == "__builtins__" or isinstance(v, ModuleType)}
        return whole | copy.deepcopy({k: v for k, v in names.items() if k not in whole})

    @cached_property
    def master_cells(self):
        return cells(self.master)

    @cached_property
    def student_cells(self):
        return cells(self.student)


def cells(path: Path) -> dict[str, str]:
    """Source of each code cell of a notebook by its id."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return {c["id"]: "".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"}


def near(got, expected, tolerance: float = 1e-5) -> bool:
    """Whether two arrays, tensors or numbers are of one shape and equal up to rounding."""
    got, expected = (torch.as_tensor(value).double() for value in (got, expected))
    return got.shape == expected.shape and torch.allclose(got, expected, tolerance, tolerance)

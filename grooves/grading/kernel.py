"""The kernel: the process in which one submission runs. Started by `grooves.grading.sandbox`.

Key idea: before any student's code runs, this script executes the other parts (`session`, `judge`,
`fingerprint`, `settings`) as private texts. They are in no module that a submission could import
and change, and they use their own copy of Python's builtins. Labs of every chapter.
"""

import builtins
import sys
import types
from pathlib import Path

PRIVATE = ("fingerprint", "settings", "judge", "session")  # each may use those before it


def private(folder: Path) -> dict:
    """Execute the private texts in order. Returns: the names that the last one defines."""
    rooms: dict[str, dict] = {}
    for name in PRIVATE:
        text = (folder / f"{name}.py").read_text(encoding="utf-8")
        room = {
            "__name__": f"{name} of the grader",
            "__builtins__": dict(vars(builtins)),
            "private": {before: types.SimpleNamespace(**room) for before, room in rooms.items()},
        }
        exec(compile(text, "<grader>", "exec"), room)
        rooms[name] = room
    return rooms[PRIVATE[-1]]


if __name__ == "__main__":
    sys.modules["__main__"] = types.ModuleType("__main__")  # not this one: students can reach it
    serve = private(Path(__file__).resolve().parent)["serve"]
    sys.argv[:] = [""]
    serve()

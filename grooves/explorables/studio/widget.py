"""The explorable `studio` in JupyterLab: watch the runs of a folder, control and compare them.

Key idea: the files are the only memory. The widget reads the folder once a second while it is
shown, leaves requests in files beside the logs, and can be closed at any time, because the next
one finds everything again. Chapter 05.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import traitlets

from grooves.explorables.shared.widget import Explorable
from grooves.explorables.studio.rows import broken_rows, curve, data_row, key_of, rows
from grooves.training.run_control import REQUESTS, ask
from grooves.training.run_export import to_csv, to_tensorboard
from grooves.training.run_folder import Found, branch, checkpoint_path, find_runs
from grooves.training.run_log import SUFFIX, Run

AXES = ("step", "seconds")
UNHEARD_S = 150.0  # a page that is watched says so more often, even from a tab in the background
EXPORTS = ("csv", "tensorboard")


class Studio(Explorable):
    """A widget that shows all runs below a folder, and a data set.

    folder: where the logs are, such as "runs"; it may be empty, or not exist yet.
    data: data sets to be described, texts by name; or the texts of one (see `describe_data`).
    every: seconds between two readings of the folder, in a thread, while the widget is shown.
    Raises: ValueError for a data set without texts, and where `every` is not positive.

    runs: a row per run, as `rows` makes them. Their curves are traits of their own, `curve_0` and
    so on, named in each row, so that only curves that have changed are sent. broken: logs that
    cannot be read, [{"path", "reason"}]. data_sets: as `data_row` makes them. live: whether a
    kernel answers. recording: what a page without one shows, as `recording.record` makes it.
    selected: the key of the run that the buttons control. hidden: keys of runs that are not drawn.
    column: what is drawn, "" for the loss. across: "step" or "seconds". log: whether its axis is
    logarithmic. time: in seconds, of a recording.
    """

    module = "studio"

    where = traitlets.Unicode("").tag(sync=True)
    runs = traitlets.List().tag(sync=True)
    broken = traitlets.List().tag(sync=True)
    data_sets = traitlets.List().tag(sync=True)
    live = traitlets.Bool(True).tag(sync=True)
    recording = traitlets.Dict().tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)
    hidden = traitlets.List(traitlets.Unicode()).tag(sync=True)
    column = traitlets.Unicode("").tag(sync=True)
    across = traitlets.Enum(AXES, "step").tag(sync=True)
    log = traitlets.Bool(True).tag(sync=True)
    time = traitlets.Float(0.0, min=0.0).tag(sync=True)

    def __init__(
        self,
        folder: Path | str,
        data: Mapping[str, Iterable] | Iterable | None = None,
        every: float = 1.0,
        **choices,
    ):
        self._closed = threading.Event()  # first, since even what fails below is closed
        if not every > 0:
            raise ValueError(f"{every=} must be a number of seconds, more than 0")
        sets = [data_row(name, texts) for name, texts in named(data).items()]
        super().__init__(where=str(folder), data_sets=sets, **choices)
        self.folder, self.every = Path(folder), every
        self._found = Found([], [])
        self._drawn: dict[str, tuple[str, tuple]] = {}  # key -> its trait, and what that shows
        self._turn = threading.RLock()  # the thread and the page may both want to read
        self._heard, self._thread = -math.inf, None
        self.on_msg(lambda _, message, __: self._hear(message))
        self.poll()

    # ---- what the folder holds -------------------------------------------------------------------

    def poll(self) -> None:
        """Read what is new in the folder, and send to the page what has changed."""
        with self._turn:
            self._found = find_runs(self.folder, self._found.runs)
            listed = rows(self._found, self.folder)
            for run, each in zip(self._found.runs, listed, strict=True):
                each["curve"] = self._draw(each["key"], run)
            self.runs = listed
            self.broken = broken_rows(self._found.broken, self.folder)

    def _draw(self, key: str, run: Run) -> str:
        """Bring the curve of a run up to date. Returns: the name of its trait."""
        name, before = self._drawn.get(key, (f"curve_{len(self._drawn)}", None))
        now = (run.header.id, len(run), run.superseded)
        if now != before:
            points = curve(run)
            if self.has_trait(name):
                self.set_trait(name, points)
            else:
                self.add_traits(**{name: traitlets.Dict(points).tag(sync=True)})
            self._drawn[key] = name, now
        return name

    @property
    def watched(self) -> bool:
        """Whether a page has said lately that somebody sees it."""
        return not self._closed.is_set() and time.monotonic() - self._heard < UNHEARD_S

    def _watch(self) -> None:
        while not self._closed.wait(self.every) and self.watched:
            try:
                self.poll()
            except OSError as error:  # the folder itself
                self.broken = [{"path": ".", "reason": str(error)}]

    def close(self) -> None:
        """End the widget. The runs go on, and another `Studio` finds them."""
        self._closed.set()
        super().close()

    # ---- what the page says ----------------------------------------------------------------------

    def _hear(self, message: dict) -> None:
        if "watched" in message:
            self._heard = time.monotonic()
            if not (self._thread and self._thread.is_alive()):
                self.poll()
                self._thread = threading.Thread(target=self._watch, daemon=True, name="studio")
                self._thread.start()
            return
        try:
            said, failed = self._do(message), False
        except (ValueError, OSError) as error:
            said, failed = f"Not done: {error}.", True
        self.send({"said": said, "failed": failed})

    def _do(self, message: dict) -> str:
        """Do what a button asks for. Returns: what was done, in a sentence."""
        with self._turn:
            run = self._run(message.get("run"))
            what, name = message.get("do"), run.header.name
            if what in REQUESTS:
                ask(run, what)
                said = f"{what.capitalize()} requested of {name}."
            elif what == "branch":
                changes = {"name": message.get("name"), "rates": message.get("rates", {})}
                log = branch(run, checkpoint_path(run.path), run.path.parent, changes)
                said = f"Branched from {name}. To train it: resume {log} with RunLog and train."
            elif what in EXPORTS:
                said = f"Exported to {self._export(run, what)}."
            else:
                raise ValueError(f"{what!r} is nothing that can be done with a run")
            self.poll()
        return said

    def _run(self, key: str) -> Run:
        for run in self._found.runs:
            if key_of(run, self.folder) == key:
                return run
        raise ValueError(f"there is no run {key!r} in {self.folder} any more")

    def _export(self, run: Run, what: str) -> Path:
        """Write a run below `folder/exports`, under the name of its log."""
        target = self.folder / "exports" / key_of(run, self.folder).removesuffix(SUFFIX)
        if what == "tensorboard":
            return to_tensorboard(run, target)
        target = target.with_name(target.name + ".csv")
        target.parent.mkdir(parents=True, exist_ok=True)
        to_csv(run, target)
        return target


def named(data: Mapping[str, Iterable] | Iterable | None) -> Mapping[str, Iterable]:
    """Data sets by name, where there may be one without a name, or none."""
    if data is None:
        return {}
    return data if isinstance(data, Mapping) else {"data set": data}

"""Is this machine ready for the course? A table of what it has, with a remedy for what it lacks.

Key idea: inspection and judgement are separate. `grooves.hardware.machine.look` reads the machine
into a plain `Machine`, and `diagnose` turns any `Machine` into findings without touching the real
one, so a test can make up every faulty machine. Used by `grooves doctor` and the first notebook.
"""

from __future__ import annotations

import argparse
import html
from dataclasses import dataclass

from grooves.hardware.machine import Machine, look

GIB = 2**30
OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
INSTALL = "in the course's folder, run pip install -r requirements.txt"


@dataclass(frozen=True)
class Finding:
    """One line of the table. `verdict` is "ok", "warning" or "must fix"."""

    what: str
    found: str
    verdict: str = "ok"
    remedy: str = ""


class Report:
    """The findings about one machine, shown as a table in a terminal or in a notebook."""

    def __init__(self, findings):
        self.findings = list(findings)

    def named(self, verdict) -> list[str]:
        """The subjects of the findings with this verdict, such as "free memory"."""
        return [finding.what for finding in self.findings if finding.verdict == verdict]

    @property
    def ready(self) -> bool:
        """True if nothing has to be fixed before the course can run."""
        return not self.named("must fix")

    @property
    def conclusion(self) -> str:
        """The sentence below the table."""
        if not self.ready:
            return f"Not ready yet. Fix first: {', '.join(self.named('must fix'))}."
        warned = ", ".join(self.named("warning"))
        return f"Ready. Worth a look: {warned}." if warned else "Ready."

    def __str__(self):
        widths = [max(len(getattr(f, key)) for f in self.findings) for key in ("what", "found")]
        lines = []
        for f in self.findings:
            mark = {"ok": "ok  ", "warning": "look", "must fix": "FIX "}[f.verdict]
            lines.append(f"{mark}  {f.what:<{widths[0]}}  {f.found:<{widths[1]}}".rstrip())
            if f.remedy:
                lines.append(f"      -> {f.remedy}")
        return "\n".join([*lines, "", self.conclusion])

    __repr__ = __str__

    def _repr_html_(self):
        columns = ["what", "found", "verdict", "remedy"]
        if not any(finding.remedy for finding in self.findings):
            columns.remove("remedy")

        def row(cells, tag):  # styled here, because JupyterLab aligns cells to the right
            style = "text-align: left; padding: 0.15em 1.2em 0.15em 0"
            made = (f"<{tag} style='{style}'>{html.escape(cell)}</{tag[:2]}>" for cell in cells)
            return f"<tr>{''.join(made)}</tr>"

        head = row(["part", *columns[1:]], "th scope='col'")
        body = "".join(row((getattr(f, key) for key in columns), "td") for f in self.findings)
        return (
            f"<table style='margin-left: 0'><thead>{head}</thead><tbody>{body}</tbody></table>"
            f"<p>{html.escape(self.conclusion)}</p>"
        )


def examine(machine: Machine | None = None) -> Report:
    """The report on `machine`, by default the one that runs this."""
    return Report(diagnose(look() if machine is None else machine))


def diagnose(machine: Machine) -> list[Finding]:
    """Judge a machine; nothing but the argument is read."""
    return [
        _python(machine),
        _torch(machine),
        _device(machine),
        _cores(machine),
        _memory(machine),
        _disk(machine),
        _packages(machine),
        _jupyterlab(machine),
        _widgets(machine),
    ]


# One function per row, in the order of the table.


def _python(machine):
    found = ".".join(map(str, machine.python))
    if OLDEST_PYTHON <= machine.python[:2] <= NEWEST_PYTHON:
        return Finding("Python", f"{found}, {machine.system}".rstrip(", "))
    return Finding("Python", found, "must fix", "install Python 3.11, 3.12 or 3.13")


def _torch(machine):
    if machine.torch is None:
        # A library that does not load has another remedy than one that is missing.
        found = (
            f"cannot be imported: {machine.torch_error}" if machine.torch_error else "not installed"
        )
        return Finding("PyTorch", found, "must fix", INSTALL)
    return Finding("PyTorch", machine.torch)


def _device(machine):
    if machine.nvidia_card and machine.device == "cpu":
        return Finding(
            "device",
            f"CPU, although the machine has a GPU: {machine.nvidia_card}",
            "warning",
            "this build of PyTorch cannot use it; README.md explains how to install the CUDA build",
        )
    if machine.device == "cpu":
        return Finding("device", "CPU (all notebooks run on it)")
    return Finding("device", machine.device)


def _cores(machine):
    if machine.cores >= 2:
        return Finding("CPU cores", str(machine.cores))
    remedy = "the notebooks' times are for two cores; expect them to take twice as long"
    return Finding("CPU cores", str(machine.cores), "warning", remedy)


def _memory(machine):
    if machine.memory_bytes is None:
        return Finding("free memory", "unknown")
    found = f"{machine.memory_bytes / GIB:.1f} GiB"
    if machine.memory_bytes < 1 * GIB:
        return Finding("free memory", found, "must fix", "close programs until 1 GiB is free")
    if machine.memory_bytes < 2 * GIB:
        return Finding("free memory", found, "warning", "run one notebook at a time")
    return Finding("free memory", found)


def _disk(machine):
    folder = machine.cache_folder or "the cache folder"
    if not machine.cache_writable:
        remedy = "set the environment variable GROOVES_CACHE to a folder that you can write to"
        return Finding("cache folder", f"{folder} is not writable", "must fix", remedy)
    if machine.disk_bytes is None:
        return Finding("free disk", "unknown")
    found = f"{machine.disk_bytes / GIB:.1f} GiB"
    if machine.disk_bytes < GIB // 4:
        remedy = f"free 1 GiB for {folder}, or set GROOVES_CACHE to a folder on another disk"
        return Finding("free disk", found, "must fix", remedy)
    if machine.disk_bytes < 1 * GIB:
        return Finding(
            "free disk", found, "warning", "enough for the course, but not for downloads"
        )
    return Finding("free disk", found)


def _packages(machine):
    if machine.missing:
        return Finding("packages", "missing: " + ", ".join(machine.missing), "must fix", INSTALL)
    return Finding("packages", "complete")


def _jupyterlab(machine):
    if machine.jupyterlab:
        return Finding("JupyterLab", machine.jupyterlab)
    remedy = f"use another editor for notebooks, or install JupyterLab: {INSTALL}"
    return Finding("JupyterLab", "not installed", "warning", remedy)


def _widgets(machine):
    if machine.widgets:
        return Finding("widgets", f"ipywidgets {machine.widgets}")
    remedy = f"the notebooks run, but without their controls; to get these: {INSTALL}"
    return Finding("widgets", "not installed", "warning", remedy)


def add_arguments(parser: argparse.ArgumentParser):
    parser.epilog = "Exit status: 0 if the course can run, 1 if something has to be fixed first."


def main(args, machine: Machine | None = None) -> int:
    """Print the report. Returns: 0 if the machine is ready, otherwise 1."""
    report = examine(machine)
    print(report)
    return 0 if report.ready else 1


if __name__ == "__main__":
    raise SystemExit(main(argparse.Namespace()))

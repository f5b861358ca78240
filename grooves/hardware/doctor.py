"""Is this machine ready for the course? A table of what it has, and a remedy for what it lacks.

Key idea: looking and judging are two steps. `grooves.hardware.machine.look` reads the machine into
a plain `Machine`; `diagnose` turns any `Machine` into findings, without touching anything, so that
every bad machine can be imagined in a test. Used by `grooves doctor` and by the first notebook.
"""

from __future__ import annotations

import argparse
import html
from dataclasses import dataclass

from grooves.hardware.machine import Machine, look

GIB = 2**30
OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
INSTALL = "pip install -r requirements.txt, in the course's folder"


@dataclass(frozen=True)
class Finding:
    """One line of the table. `verdict` is "ok", "warning" or "must mend"."""

    what: str
    found: str
    verdict: str = "ok"
    remedy: str = ""


class Report:
    """The findings about one machine: a table in a terminal, and one in a notebook."""

    def __init__(self, findings):
        self.findings = list(findings)

    def named(self, verdict) -> list[str]:
        """What the findings with this verdict are about."""
        return [finding.what for finding in self.findings if finding.verdict == verdict]

    @property
    def ready(self) -> bool:
        """True where nothing must be mended before the course can run."""
        return not self.named("must mend")

    @property
    def conclusion(self) -> str:
        """One sentence for the line below the table."""
        if not self.ready:
            return f"Not ready yet. Mend first: {', '.join(self.named('must mend'))}."
        warned = ", ".join(self.named("warning"))
        return f"Ready. Worth a look: {warned}." if warned else "Ready."

    def __str__(self):
        widths = [max(len(getattr(f, key)) for f in self.findings) for key in ("what", "found")]
        lines = []
        for f in self.findings:
            mark = {"ok": "ok  ", "warning": "look", "must mend": "MEND"}[f.verdict]
            lines.append(f"{mark}  {f.what:<{widths[0]}}  {f.found:<{widths[1]}}".rstrip())
            if f.remedy:
                lines.append(f"      -> {f.remedy}")
        return "\n".join([*lines, "", self.conclusion])

    __repr__ = __str__

    def _repr_html_(self):
        # Aligned here, because JupyterLab sets a table's cells to the right.
        def row(cells, tag):
            made = (
                f"<{tag} style='text-align: left'>{html.escape(cell)}</{tag[:2]}>" for cell in cells
            )
            return f"<tr>{''.join(made)}</tr>"

        head = row(("part", "found", "verdict", "remedy"), "th scope='col'")
        body = "".join(row((f.what, f.found, f.verdict, f.remedy), "td") for f in self.findings)
        return (
            f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
            f"<p>{html.escape(self.conclusion)}</p>"
        )


def examine(machine: Machine | None = None) -> Report:
    """The report on this machine, or on the one given."""
    return Report(diagnose(look() if machine is None else machine))


def diagnose(machine: Machine) -> list[Finding]:
    """Judge a machine. Looks at nothing but its argument."""
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


# What is said about each part, in the order of the table.


def _python(machine):
    found = ".".join(map(str, machine.python))
    if OLDEST_PYTHON <= machine.python[:2] <= NEWEST_PYTHON:
        return Finding("Python", f"{found}, {machine.system}".rstrip(", "))
    return Finding("Python", found, "must mend", "install Python 3.11, 3.12 or 3.13")


def _torch(machine):
    if machine.torch is None:
        # A file that is there but does not load is another fault than one that is not there.
        found = (
            f"does not import: {machine.torch_error}" if machine.torch_error else "not installed"
        )
        return Finding("PyTorch", found, "must mend", INSTALL)
    return Finding("PyTorch", machine.torch)


def _device(machine):
    if machine.nvidia_card and machine.device == "cpu":
        return Finding(
            "device",
            f"CPU, though there is an {machine.nvidia_card}",
            "warning",
            "this PyTorch does not see it: README.md, 'torch', says how to get the CUDA build",
        )
    if machine.device == "cpu":
        return Finding("device", "CPU (every notebook is made to run on it)")
    return Finding("device", machine.device)


def _cores(machine):
    if machine.cores >= 2:
        return Finding("CPU cores", str(machine.cores))
    remedy = "times in the notebooks are for two cores: expect twice as long"
    return Finding("CPU cores", str(machine.cores), "warning", remedy)


def _memory(machine):
    if machine.memory_bytes is None:
        return Finding("free memory", "not found out")
    found = f"{machine.memory_bytes / GIB:.1f} GiB"
    if machine.memory_bytes < 1 * GIB:
        return Finding("free memory", found, "must mend", "close programs until 1 GiB is free")
    if machine.memory_bytes < 2 * GIB:
        return Finding("free memory", found, "warning", "run one notebook at a time")
    return Finding("free memory", found)


def _disk(machine):
    folder = machine.cache_folder or "the cache folder"
    if not machine.cache_writable:
        remedy = "set the environment variable GROOVES_CACHE to a folder that you may write to"
        return Finding("cache folder", f"{folder} cannot be written", "must mend", remedy)
    if machine.disk_bytes is None:
        return Finding("free disk", "not found out")
    found = f"{machine.disk_bytes / GIB:.1f} GiB"
    if machine.disk_bytes < GIB // 4:
        remedy = f"free 1 GiB for {folder}, or set GROOVES_CACHE to a folder on another disk"
        return Finding("free disk", found, "must mend", remedy)
    if machine.disk_bytes < 1 * GIB:
        return Finding("free disk", found, "warning", "enough to run, too little for downloads")
    return Finding("free disk", found)


def _packages(machine):
    if machine.missing:
        return Finding("packages", "missing: " + ", ".join(machine.missing), "must mend", INSTALL)
    return Finding("packages", "all there")


def _jupyterlab(machine):
    if machine.jupyterlab:
        return Finding("JupyterLab", machine.jupyterlab)
    remedy = f"other editors open notebooks too; for JupyterLab: {INSTALL}"
    return Finding("JupyterLab", "not installed", "warning", remedy)


def _widgets(machine):
    if machine.widgets:
        return Finding("widgets", f"ipywidgets {machine.widgets}")
    remedy = f"notebooks run, but their controls do not show: {INSTALL}"
    return Finding("widgets", "not installed", "warning", remedy)


def add_arguments(parser: argparse.ArgumentParser):
    parser.epilog = "Exit status: 0 where the course can run, 1 where something must be mended."


def main(args, machine: Machine | None = None) -> int:
    """Print the report. Returns: 0 where the machine is ready, else 1."""
    report = examine(machine)
    print(report)
    return 0 if report.ready else 1


if __name__ == "__main__":
    raise SystemExit(main(argparse.Namespace()))

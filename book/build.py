"""Build the book: `python book/build.py`, which is what `make book` runs.

Warnings are errors, and all of them are shown. Every page is written anew, because an incremental
build misses changed style sheets and scripts, and what a former build wrote is removed first, so no
page of another edition stays; notebooks are run only where they or the package have changed (see
_ext/book_execution.py).
"""

import argparse
import functools
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def build(output=None, config=None):
    """Run Jupyter Book on the repository.

    output: folder that gets `_build/html` (default: the repository itself).
    config: another _config.yml.
    Returns: the exit code, 0 where the build is clean.
    """
    arguments = ["build", str(ROOT), "-W", "--keep-going", "--all"]
    if output is not None:
        arguments += ["--path-output", str(output)]
    if config is not None:
        arguments += ["--config", str(config)]
    # Kernels start in this environment, and their figures need no screen.
    here = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([here, os.environ.get("PATH", "")])
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    _skip_slow_parts()
    from jupyter_book.cli.main import main as jupyter_book

    try:
        jupyter_book(arguments, standalone_mode=False)
    except SystemExit as stopped:
        return 0 if stopped.code in (None, 0) else 1
    except Exception as error:  # Jupyter Book reports a failed build as a RuntimeError
        print(error, file=sys.stderr)
        return 1
    return 0


def _skip_slow_parts():
    """Leave out half of a warm build's time, which goes into nothing that a page shows.

    jsonschema would compile a grammar of web addresses when it is imported, only because that
    package is installed. pybtex would search all installed packages at every citation.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # None: importing it raises ImportError
    import pybtex.plugin

    pybtex.plugin.entry_points = functools.cache(pybtex.plugin.entry_points)


def _not_writable(folder):
    """A sentence where nothing can be written into a folder, else an empty text."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return f"The book cannot be written to {folder}: {error.strerror}."


def _not_usable(course):
    """A sentence where edition.toml cannot be used, else an empty text."""
    import yaml

    from grooves.grading.edition.settings import contents, read_edition

    try:
        contents(yaml.safe_load((course / "_toc.yml").read_text("utf-8")), read_edition(course))
    except ValueError as error:
        return f"{error}."
    return ""


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Build the book into _build/html.")
    parser.add_argument("--output", type=Path, help="folder that gets _build/html")
    parser.add_argument("--config", type=Path, help="another _config.yml")
    parser.add_argument(
        "--jobs", type=int, default=1, help="notebooks to run at a time; more disturb measurements"
    )
    parser.add_argument("--fresh", action="store_true", help="run every notebook again")
    options = parser.parse_args(arguments)
    built = (options.output or ROOT) / "_build"
    if refused := _not_writable(built):
        print(f"{refused} Name a folder that you may write to with --output.", file=sys.stderr)
        return 1
    if refused := _not_usable(ROOT):
        print(refused, file=sys.stderr)
        return 1
    for former in ("html", "jupyter_execute"):
        shutil.rmtree(built / former, ignore_errors=True)
    if options.fresh:
        for folder in (ROOT / "_build", built):
            shutil.rmtree(folder / "executed", ignore_errors=True)
    os.environ["GROOVES_BOOK_JOBS"] = str(options.jobs)
    started = time.perf_counter()
    failed = build(options.output, options.config)
    seconds = time.perf_counter() - started
    outcome = "was not built cleanly: see the warnings above" if failed else "was built"
    print(f"The book {outcome} ({seconds:.1f} s).")
    return failed


if __name__ == "__main__":
    sys.exit(main())

"""Build the book: `python book/build.py`, which is what `make book` runs.

Warnings are errors, and all of them are shown. Every page is written anew, because an incremental
build misses changed style sheets and scripts; notebooks are run only where they or the package
have changed (see _ext/book_execution.py).
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUN = "from jupyter_book.cli.main import main; main()"


def build(output=None, config=None, fresh=False, quiet=False):
    """Run Jupyter Book on the repository.

    output: folder that gets `_build/html` (default: the repository itself).
    config: another _config.yml. fresh: forget what earlier builds have executed.
    Returns: the finished process; its returncode is 0 where the build is clean.
    """
    if fresh:
        shutil.rmtree(ROOT / "_build" / "executed", ignore_errors=True)
    command = [sys.executable, "-c", RUN, "build", str(ROOT)]
    command += ["-W", "--keep-going", "--all"]
    if output is not None:
        command += ["--path-output", str(output)]
    if config is not None:
        command += ["--config", str(config)]
    # Kernels start in this environment, and their figures need no screen.
    here = str(Path(sys.executable).parent)
    environment = os.environ | {
        "PATH": os.pathsep.join([here, os.environ.get("PATH", "")]),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    streams = {"capture_output": True, "text": True} if quiet else {}
    return subprocess.run(command, env=environment, check=False, **streams)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Build the book into _build/html.")
    parser.add_argument("--output", type=Path, help="folder that gets _build/html")
    parser.add_argument("--config", type=Path, help="another _config.yml")
    parser.add_argument("--fresh", action="store_true", help="run every notebook again")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    finished = build(options.output, options.config, options.fresh)
    seconds = time.perf_counter() - started
    if finished.returncode:
        print(f"The book was not built cleanly ({seconds:.0f} s): see the warnings above.")
    else:
        print(f"The book was built in {seconds:.0f} s.")
    return finished.returncode


if __name__ == "__main__":
    sys.exit(main())

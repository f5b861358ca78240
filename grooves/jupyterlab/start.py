"""`grooves lab`: JupyterLab at the course's root, with the first notebook open.

Key idea: everything that differs from a plain `jupyter lab` is a setting passed to this server
alone. The user's own Jupyter configuration is read as usual and never written. JupyterLab's record
of open tabs is kept in the course's cache folder. Every chapter's notebook and lab is opened this
way.
"""

from __future__ import annotations

import os
from pathlib import Path

from grooves import cache_dir

FIRST = "notebooks/00_start.ipynb"
ADDRESS = "course"  # below the server's base address
EXTENSION = Path(__file__).parent / "extension"


def course_root() -> Path:
    """The folder that holds the notebooks: the current one, or else the package's checkout.

    Raises: ValueError where neither has the first notebook.
    """
    here = Path.cwd()
    for folder in (here, Path(__file__).parents[2]):
        if (folder / FIRST).is_file():
            return folder
    raise ValueError(f"there is no {FIRST} in {here}: change to the course's folder and try again")


def settings(root: Path, show_solutions: bool = False) -> list[str]:
    """The options that JupyterLab is started with.

    root: the course's folder, which becomes the root of the file browser.
    Returns: arguments for JupyterLab's command line.
    Raises: OSError where the cache folder cannot be created.
    """
    options = {
        "ServerApp.root_dir": root,
        "ServerApp.jpserver_extensions": "grooves.jupyterlab.server=True",
        "LabApp.extra_labextensions_path": EXTENSION,
        "LabApp.default_url": f"/{ADDRESS}/",
        "LabApp.workspaces_dir": cache_dir() / "jupyterlab" / "workspaces",
        "CourseServer.root": root,
        "CourseServer.show_solutions": show_solutions,
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # containers, where there is nobody else
        words.append("--allow-root")
    return words


def add_arguments(parser):
    parser.add_argument(
        "--solutions",
        action="store_true",
        help="show labs/solutions in the file browser, for authors and instructors",
    )
    parser.epilog = "All other options go to JupyterLab: grooves lab --no-browser --port=9000"
    parser.set_defaults(passes_on=True)


def main(args) -> int:
    """Run JupyterLab until it is stopped.

    Raises: ValueError where there is no course here; OSError where the cache cannot be created.
    """
    words = [*settings(course_root(), args.solutions), *args.more]
    try:
        from jupyterlab.labapp import LabApp
    except ImportError:
        raise ValueError(
            "JupyterLab is not installed: pip install -r requirements.txt, in the course's folder"
        ) from None
    LabApp.launch_instance(argv=words)
    return 0

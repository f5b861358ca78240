"""Where the results of executed notebooks lie, and how the tests hand theirs to the book.

jupyter-cache looks at a notebook's own cells only. After a change in `grooves/*.py`, old results
would stay on the page. So the cache's folder is named after the content of everything a result can
depend on: the package's files and the pinned versions. A different state of the package finds an
empty cache.

`make notebooks` executes every notebook of the book (tests/notebooks/strict_nbval.py). Each one
whose cells have all passed is written to a file in that folder, from which the next build takes it
into the cache. One file for each notebook needs no lock, whereas the cache's database would.
"""

import hashlib
import json
import os
import platform
from pathlib import Path

import nbformat

PARTS = ("**/*.py", "**/*.mjs", "**/*.toml", "**/*.json", "**/*.safetensors")
PINS = ("requirements.txt", "constraints.txt")
LISTS_CHAPTERS = "contents.chapters("
HANDED_IN = "handed_in"


def state_of(root):
    """A short name for the content of the package and its pins, the same on every machine."""
    root = Path(root)
    digest = hashlib.sha256(platform.python_version().encode())
    files = [path for part in PARTS for path in (root / "grooves").glob(part)]
    files += [root / name for name in PINS]
    for path in sorted(set(files)):
        if path.is_file():
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def cache_folder(root, output=None):
    """The folder for the executed notebooks of the package's present state.

    root: the course's folder. output: another folder that gets `_build`.
    """
    return Path(output or root) / "_build" / "executed" / state_of(root)


def depends_on_its_folder(text):
    """Whether a notebook, given as text, reads files beside it: it lists the chapters."""
    return LISTS_CHAPTERS in text


def hand_in(cache, path, notebook, seconds):
    """Leave an executed notebook for the next build.

    cache: the folder of the state in which it ran. path: of the notebook. seconds: what it took.
    """
    folder = Path(cache) / HANDED_IN
    folder.mkdir(parents=True, exist_ok=True)
    content = {"path": str(path), "seconds": seconds, "notebook": notebook}
    unfinished = folder / f"{Path(path).stem}.{os.getpid()}"
    unfinished.write_text(json.dumps(content), "utf-8")
    unfinished.replace(folder / f"{Path(path).stem}.json")  # at once, so none is read half written


def take_out(cache):
    """Each (path, notebook, seconds) that was handed in for this state; its file is removed."""
    for file in sorted((Path(cache) / HANDED_IN).glob("*.json")):
        content = json.loads(file.read_text("utf-8"))
        yield content["path"], nbformat.from_dict(content["notebook"]), content["seconds"]
        file.unlink()

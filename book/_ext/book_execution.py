"""Notebooks run again when the package has changed, and the build reports how long each took.

The cache's folder is named after the state of the package (notebook_results.py). What the tests
have executed in that state is taken into the cache, so that only the other notebooks run.
A notebook that lists the chapters depends on them as well, and runs again when they change.
"""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePosixPath

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core import execute
from myst_nb.core.execute.cache import NotebookClientCache
from myst_nb.sphinx_ import NbMetadataCollector
from notebook_results import cache_folder, depends_on_its_folder, take_out
from sphinx.util import logging

from grooves.plots import contents

logger = logging.getLogger(__name__)
KEPT = 3  # caches of this many states are kept, so that going back to one is quick


def name_the_cache(app, config):
    """Before myst-nb reads its settings: the cache of this state, beside those of the last ones.

    The course's own folder keeps it for all builds; if that is not writable, it goes where
    the pages go.
    """
    if config.nb_execution_mode != "cache":
        return
    here = cache_folder(app.srcdir)
    try:
        _make(here)
    except OSError:
        here = cache_folder(app.srcdir, output=Path(app.outdir).parents[1])
        _make(here)
    config.nb_execution_cache_path = str(here)
    caches = [path for path in here.parent.iterdir() if path.is_dir()]
    old = sorted(caches, key=lambda path: path.stat().st_mtime, reverse=True)
    for path in old[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)


def _make(folder):
    """Make a folder, or mark it as the one used last. Raises: OSError where it is not writable."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.touch()


def forget_the_contents(app, env, names):
    """Let a notebook that lists the chapters run again if they have changed since it ran."""
    if app.config.nb_execution_mode != "cache":
        return
    listed = repr(contents.chapters(app.srcdir))
    noted = Path(app.config.nb_execution_cache_path) / "contents.txt"
    if noted.is_file() and noted.read_text("utf-8") == listed:
        return
    cache = get_cache(app.config.nb_execution_cache_path)
    for name in sorted(names):
        path = Path(app.env.doc2path(name))
        if path.suffix == ".ipynb" and depends_on_its_folder(text := path.read_text("utf-8")):
            with suppress(KeyError):
                cache.remove_cache(cache.match_cache_notebook(nbformat.reads(text, 4)).pk)
    noted.write_text(listed, "utf-8")


def take_in(app, env, names):
    """Take into the cache what the tests have executed in this state of the package."""
    if app.config.nb_execution_mode != "cache":
        return
    cache = get_cache(app.config.nb_execution_cache_path)
    for path, notebook, seconds in take_out(app.config.nb_execution_cache_path):
        put_in(cache, path, notebook, seconds)


def put_in(cache, path, notebook, seconds):
    """Put an executed notebook into the cache."""
    bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds})
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def missing_notebooks(app, names):
    """[(path, notebook)] of the pages that are to be run and whose results the cache lacks."""
    cache = get_cache(app.config.nb_execution_cache_path)
    for name in sorted(names):
        path = Path(app.env.doc2path(name))
        excluded = app.config.nb_execution_excludepatterns
        if path.suffix != ".ipynb" or any(PurePosixPath(path).match(one) for one in excluded):
            continue
        notebook = nbformat.read(path, 4)
        try:
            cache.match_cache_notebook(notebook)
        except KeyError:
            yield path, notebook


def run_ahead(app, env, names):
    """With --jobs, run the missing notebooks that many at a time; Sphinx runs one after another.

    Failures are not cached: Sphinx runs the notebook again when it reads the page, and reports
    them.
    """
    jobs = int(os.environ.get("GROOVES_BOOK_JOBS", "1"))
    if jobs < 2 or app.config.nb_execution_mode != "cache":
        return

    def run(missing):
        path, notebook = missing
        limit = app.config.nb_execution_timeout
        return path, single_nb_execution(notebook, str(path.parent), limit, allow_errors=False)

    cache = get_cache(app.config.nb_execution_cache_path)
    with ThreadPoolExecutor(jobs) as pool:
        for path, result in pool.map(run, missing_notebooks(app, names)):
            if result.err is None:
                put_in(cache, path, result.nb, result.time)


class FilledIn(NotebookClientCache):
    """A cache that writes outputs into the given notebook, not only into a copy.

    myst-nb 1.4 writes the notebook that it was given to jupyter_execute, where the ledger reads
    it; without this a build from the cache would find no verdicts.
    """

    def start_client(self):
        given = self.notebook
        super().start_client()
        given.update(self.notebook)


def tell_the_times(app, exception):
    """The seconds that each notebook's cells took, when they ran."""
    data = {name: NbMetadataCollector.get_exec_data(app.env, name) for name in app.env.found_docs}
    for name, run in sorted(data.items()):
        if run is None or run.get("runtime") is None:
            continue
        seconds = f"{run['runtime']:6.1f} s" if run["succeeded"] else "  failed"
        logger.info("%s  %s", seconds, name)


def setup(app):
    execute.NotebookClientCache = FilledIn
    app.connect("config-inited", name_the_cache, priority=10)
    app.connect("env-before-read-docs", forget_the_contents)
    app.connect("env-before-read-docs", take_in)
    app.connect("env-before-read-docs", run_ahead)
    app.connect("build-finished", tell_the_times)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

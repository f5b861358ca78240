"""What the Jupyter server does for the course: it serves the built book, and hides the solutions.

Key idea: a link from a notebook to a chapter should lead to the chapter's page, which only exists
where the book was built. Pages therefore have a separate address, `/course/book/NN_name.html`,
which explains how to build the book if that has not been done. The solutions are only left out of
the listing of `labs/`. They can still be opened by their path, so this keeps the listing tidy but
protects nothing.
"""

from __future__ import annotations

import inspect
from html import escape
from pathlib import Path

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web
from traitlets import Bool, Unicode
from traitlets.config import Configurable

from grooves.jupyterlab.start import ADDRESS, FIRST

SOLUTIONS = "labs", "solutions"  # a folder, and the entry that its listing leaves out

NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The book is not built yet</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body {{ font: 1.1rem/1.6 system-ui, sans-serif; margin: 3rem auto; max-width: 38rem;
padding: 0 1rem; }}</style></head><body><main>
<h1>The book is not built yet</h1>
<p>Run <code>make book</code> in the course's folder, or without make
<code>python book/build.py</code>, and then reload this page.</p>
<p>Until then you can <a href="{source}">read the source of {page} in JupyterLab</a>.</p>
</main></body></html>
"""


class CourseServer(Configurable):
    """The settings that `grooves lab` passes to the server."""

    root = Unicode(help="The course's folder.").tag(config=True)
    show_solutions = Bool(False, help="List labs/solutions in the file browser.").tag(config=True)


class FirstNotebook(JupyterHandler):
    """Redirects to the first notebook, beside a file browser at the course's root.

    JupyterLab prints the address that it opens, and garbles one that contains a "?".
    """

    @web.authenticated
    def get(self):
        notebook = url_path_join(self.base_url, "lab/tree", FIRST)
        self.redirect(f"{notebook}?file-browser-path=/")


class BookPage(JupyterHandler, web.StaticFileHandler):
    """A file of the built book, or a page that says how to build it."""

    auth_resource = "contents"

    @web.authenticated
    @authorized
    def head(self, path):
        return web.StaticFileHandler.get(self, path, include_body=False)

    @web.authenticated
    @authorized
    def get(self, path):
        return web.StaticFileHandler.get(self, path)

    def write_error(self, status_code, **more):
        name = self.path_args[0]
        if status_code != 404 or not name.endswith(".html"):
            super().write_error(status_code, **more)
            return
        page = f"{name.removesuffix('.html')}.md"
        source = url_path_join(self.base_url, "lab/tree", page)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(NOT_BUILT.format(source=escape(source), page=escape(page)))


def leave_out_solutions(contents) -> None:
    """Make a contents manager of any type list `labs/` without `solutions`."""
    folder, entry = SOLUTIONS
    get = contents.get

    def without(model, path):
        if path.strip("/") == folder and isinstance(model.get("content"), list):
            model["content"] = [item for item in model["content"] if item["name"] != entry]
        return model

    async def later(model, path):
        return without(await model, path)

    def listed(path, *arguments, **more):
        model = get(path, *arguments, **more)
        return later(model, path) if inspect.isawaitable(model) else without(model, path)

    contents.get = listed


def _jupyter_server_extension_points():
    return [{"module": __name__}]


def _load_jupyter_server_extension(serverapp):
    course = CourseServer(parent=serverapp)
    built = {"path": str(Path(course.root) / "_build" / "html")}
    address = url_path_join(serverapp.base_url, ADDRESS)
    handlers = [(f"{address}/?", FirstNotebook), (f"{address}/(.+)", BookPage, built)]
    serverapp.web_app.add_handlers(".*$", handlers)
    if not course.show_solutions:
        leave_out_solutions(serverapp.contents_manager)

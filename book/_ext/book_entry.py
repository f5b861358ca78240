"""The book's entry: index.html redirects to the first page, with a title and a language.

Sphinx writes none if the first page has another name, and Jupyter Book's is a bare refresh. An
empty `.nojekyll` is written beside it: without it GitHub Pages leaves out folders such as
`_static`.
"""

from html import escape
from pathlib import Path

DOOR = """<!doctype html>
<html lang="{language}">
  <head>
    <meta charset="utf-8">
    <title>{title}</title>
    <meta http-equiv="refresh" content="0; url={first}">
  </head>
  <body><main><h1>{title}</h1><p><a href="{first}">Open the book</a></p></main></body>
</html>
"""


def write_door(app, exception):
    """Write the redirect from the folder to the first page."""
    if exception is None and app.builder.format == "html":
        door = DOOR.format(
            language=app.config.language or "en",
            title=escape(app.config.html_title),
            first=app.builder.get_target_uri(app.config.root_doc),
        )
        (Path(app.outdir) / "index.html").write_text(door, "utf-8")
        (Path(app.outdir) / ".nojekyll").touch()


def setup(app):
    app.connect("build-finished", write_door, priority=100)  # before others write theirs
    return {"parallel_read_safe": True, "parallel_write_safe": True}

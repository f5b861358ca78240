"""Explorables: anywidget modules that run on a static page, without a kernel and without a server.

    ```{anywidget} ../grooves/explorables/attention/attention.mjs
    :css: ../grooves/explorables/attention/attention.css
    :data: grooves.explorables.export:attention
    :still: _static/attention.png
    :alt: What the still picture shows
    :caption: What to notice
    {"prompt": "once upon a time"}
    ```

The argument, `:css:` and the body (the model's state as JSON) mean what they mean in Jupyter Book
2. The other options are this course's. `:data:` names a function that returns more state; its
values are plain data
or bytes, and bytes reach the module as a DataView, as a traitlet of anywidget's would; equal bytes
of several pages are one file. `:still:`
and `:alt:` are the picture for readers without scripts.

Large data that not every reader needs are in the function's `parts`, bytes by name. A module
requests one with `model.send({ want: name })` and is answered by a message "msg:custom" with
{ part: name } and the bytes, as a kernel would answer it; until then it is not fetched.

Browsers neither import modules nor fetch files from `file://`. So a module with all it imports, and
its data, are written as ordinary scripts, which do load from there; `explorable-mount.js` makes
modules of them again. Both cases use the same code, so what is tested on a server also works from
disk.
"""

import base64
import hashlib
import importlib
import json
from html import escape
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from grooves.explorables import module_graph, stylesheet

FOLDER = "explorables"


def packed(state):
    """A model's state as JSON, with its bytes held apart as base64.

    Returns: {"plain": {...}, "bytes": {name: base64}}.
    """
    binary = {k: v for k, v in state.items() if isinstance(v, (bytes, bytearray, memoryview))}
    plain = {key: value for key, value in state.items() if key not in binary}
    encoded = {key: _base64(value) for key, value in binary.items()}
    return {"plain": plain, "bytes": encoded}


class Explorable(SphinxDirective):
    """A figure that a front-end module fills, with a still picture where scripts are off."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = {  # noqa: RUF012 docutils wants a dict
        "css": directives.unchanged_required,
        "class": directives.class_option,
        "name": directives.unchanged,
        "data": directives.unchanged_required,
        "still": directives.unchanged_required,
        "alt": directives.unchanged_required,
        "caption": directives.unchanged_required,
    }

    def run(self):
        try:
            record = self.record()
        except (OSError, ValueError, TypeError, ImportError, AttributeError) as error:
            raise self.error(f"anywidget {self.arguments[0]}: {error}") from error
        attributes = " ".join(
            f'data-{key}="{escape(value, quote=True)}"' for key, value in record.items()
        )
        figure = nodes.container(classes=["explorable", *self.options.get("class", [])])
        self.add_name(figure)
        figure += nodes.raw("", f'<div class="explorable-mount" {attributes}></div>', format="html")
        figure += self.still()
        if caption := self.options.get("caption"):
            text, messages = self.parse_inline(caption)
            figure += nodes.paragraph(caption, "", *text, *messages, classes=["explorable-caption"])
        return [figure]

    def record(self):
        """Write the module, its style and its data, and say where they are."""
        entry = self.path(self.arguments[0])
        name = entry.stem
        graph = module_graph(entry)
        state = json.loads("\n".join(self.content) or "{}")
        if not isinstance(state, dict):
            raise ValueError("the body must be a JSON object: the model's state")
        record = {
            "module": self.script(name, "modules", graph),
            "state": json.dumps(state, ensure_ascii=False),
        }
        if made_by := self.options.get("data"):
            module, _, function = made_by.partition(":")
            made = dict(getattr(importlib.import_module(module), function)())
            parts = {
                part: self.script(f"{name}-{part}", "parts", _base64(content))
                for part, content in made.pop("parts", {}).items()
            }
            made = packed(made)
            # Named by what they hold: explorables with the same weights share one file.
            held = {key: self.script(key, "parts", one) for key, one in made["bytes"].items()}
            whole = made | {"bytes": held, "parts": parts}
            record["data"] = self.script(f"{name}-data", "data", whole)
        if css := self.options.get("css"):
            content = stylesheet(self.path(css)).encode()
            record["css"] = self.write(f"{name}.{_digest(content)}.css", content)
        return record

    def script(self, name, kind, value):
        """A script that puts a value where the mount script finds it under the script's name."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        file = f"{name}.{_digest(text.encode())}.js"
        content = f"((globalThis.grooves ??= {{}}).{kind} ??= {{}})[{json.dumps(file)}] = {text};\n"
        return self.write(file, content.encode())

    def write(self, file, content):
        folder = Path(self.env.app.outdir) / "_static" / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
        return file

    def path(self, written):
        """A file, as written in the page: relative to it, or to the repository after a slash."""
        relative, absolute = self.env.relfn2path(written, self.env.docname)
        self.env.note_dependency(relative)
        return Path(absolute)

    def still(self):
        """The picture for readers without scripts; the mount script shows it if it fails, too."""
        inside = [nodes.raw("", "<noscript>", format="html")]
        if "still" in self.options:
            alt = self.options.get("alt")
            if not alt:
                raise self.error(f"anywidget {self.arguments[0]}: a still picture needs an :alt:")
            inside.append(nodes.image(uri=self.options["still"], alt=alt))
        note = "Scripts are off, so this is a still picture."
        if "still" not in self.options:
            note = "This part of the page needs scripts."
        inside.append(nodes.raw("", f"<p>{note}</p></noscript>", format="html"))
        return inside


def _base64(content):
    return base64.b64encode(content).decode("ascii")


def _digest(content):
    """Part of the file's name, so that no browser shows an outdated copy."""
    return hashlib.sha256(content).hexdigest()[:10]


def setup(app):
    app.add_directive("anywidget", Explorable)
    app.add_js_file("explorable-mount.js")
    return {"parallel_read_safe": True, "parallel_write_safe": True}

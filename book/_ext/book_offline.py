"""The built book sends no requests to other sites: whatever would do so is left out.

There are three such parts. MathJax: book_math writes formulas without it. Thebe, which runs cells
on a server: its scripts are dropped, since there are launch links. The widget manager: a widget is
shown in its state at the end of its cell, as text and pictures, because it could not respond
without a kernel. Any other reference to an external address makes the build warn.
"""

import json
import re
from html import escape

from docutils import nodes
from myst_nb.core.render import WIDGET_VIEW_MIMETYPE
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.util import logging

logger = logging.getLogger(__name__)

NEEDS_KERNEL = "This part is alive in JupyterLab: open the notebook there to use it."
BOXES = {"BoxModel", "HBoxModel", "VBoxModel", "GridBoxModel", "TabModel", "AccordionModel"}
TEXTS = {"HTMLModel", "HTMLMathModel", "LabelModel"}


def drop_scripts(app, pagename, templatename, context, doctree):
    """Remove Thebe's scripts from a page, and warn of any other external script or style."""
    for kind in ("script_files", "css_files"):
        kept = []
        for file in context.get(kind, []):
            name = str(getattr(file, "filename", None) or "")
            body = getattr(file, "attributes", {}).get("body") or ""
            if "THEBE_JS_URL" in body or "thebe" in name:
                continue
            if "//" in name.partition("?")[0]:
                logger.warning("%s would be fetched from outside by %s", name, pagename)
            kept.append(file)
        context[kind] = kept


def still_widgets(app, doctree):
    """Replace every live widget of a notebook by its last state."""
    scripts = NbMetadataCollector.get_js_files(app.env, app.env.docname)
    _, saved = scripts.pop("ipywidgets_state", (None, {"body": '{"state": {}}'}))
    states = json.loads(saved["body"])["state"]
    for view in list(doctree.findall(_is_widget_view)):
        record = json.loads(view.astext().partition(">")[2].rpartition("</script>")[0])
        shown = _still(record.get("model_id"), states)
        view.children = [nodes.raw("", shown, format="html")]


def _is_widget_view(node):
    return isinstance(node, nodes.container) and node.get("mime_type") == WIDGET_VIEW_MIMETYPE


def _still(model, states):
    """A widget and what it contains, as HTML that needs no script."""
    parts, controls = [], []
    _gather(model, states, parts, controls)
    if controls or not parts:
        parts.append(f'<p class="widget-note">{NEEDS_KERNEL}</p>')
    return f'<div class="widget-still">{"".join(parts)}</div>'


def _gather(model, states, parts, controls):
    entry = states.get(str(model).removeprefix("IPY_MODEL_"))
    if entry is None:
        controls.append("unknown")
        return
    kind, state = entry["model_name"], entry["state"]
    children = [states.get(c.removeprefix("IPY_MODEL_"), {}) for c in state.get("children", [])]
    if any("Progress" in child.get("model_name", "") for child in children):
        parts.append(f'<p class="widget-progress">{_progress(children)}</p>')
    elif kind in BOXES:
        for child in state.get("children", []):
            _gather(child, states, parts, controls)
    elif kind in TEXTS:
        parts.append(f"<div>{state.get('value', '')}</div>")
    elif kind == "OutputModel":
        parts.extend(_output(output) for output in state.get("outputs", []))
    elif kind == "ImageModel" and entry.get("buffers"):
        data = entry["buffers"][0]["data"]
        label = escape(state.get("tooltip") or "Picture that the cell above has drawn")
        kind = state.get("format") or "png"
        parts.append(f'<img alt="{label}" src="data:image/{kind};base64,{data}">')
    else:
        controls.append(kind)


def _progress(children):
    """The text beside a progress bar: what it counts, its progress and the time that it took."""
    words = [c["state"].get("value", "") for c in children if c.get("model_name") in TEXTS]
    return " ".join(word.strip() for word in words if isinstance(word, str))


def _output(output):
    data = output.get("data", {})
    if output.get("output_type") == "stream":
        return f"<pre>{escape(output.get('text', ''))}</pre>"
    if "image/png" in data:
        label = escape(data.get("text/plain") or "Picture that the cell above has drawn")
        return f'<img alt="{label}" src="data:image/png;base64,{data["image/png"].strip()}">'
    if "text/html" in data:
        return data["text/html"]
    return f"<pre>{escape(data.get('text/plain', ''))}</pre>"


def drop_repeated_ids(app, pagename, templatename, context, doctree):
    """sphinx-exercise gives every exercise of a page the same id; nothing links to it."""
    if body := context.get("body"):
        context["body"] = re.sub(r' id="(?:exercise|solution)-content"', "", body)


def setup(app):
    app.connect("doctree-read", still_widgets)
    app.connect("html-page-context", drop_repeated_ids)
    # after the extensions that add the scripts
    app.connect("html-page-context", drop_scripts, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

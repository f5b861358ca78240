"""The widget that shows a lab's progress in JupyterLab, and keeps it in sight while one scrolls.

Key idea: the list of exercises stands where the lab starts; a line with the lab's name, how far one
is and what comes next stays at the top of the notebook. Part of the labs' checks (every chapter).
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets


class Progress(anywidget.AnyWidget):
    """A lab's progress: `value` is the markup of the whole, the rest is for the line in sight."""

    _esm = Path(__file__).with_suffix(".mjs")

    value = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    standing = traitlets.Unicode().tag(sync=True)
    points = traitlets.List([0, 1]).tag(sync=True)  # reached, of all

"""The widget that shows a lab's progress in JupyterLab and keeps it visible while the page scrolls.

Key idea: the list of exercises is at the beginning of the lab; a line with the lab's name, the
progress and the next exercise stays at the top of the notebook. Part of the labs' checks (every
chapter).
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets


class Progress(anywidget.AnyWidget):
    """A lab's progress: `value` is the complete markup, the rest is for the line at the top."""

    _esm = Path(__file__).with_suffix(".mjs")

    value = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    standing = traitlets.Unicode().tag(sync=True)
    points = traitlets.List([0, 1]).tag(sync=True)  # reached, of all

"""The base class of explorables in JupyterLab: a front-end module and its style sheet.

Key idea: a subclass names its module, such as `module = "forward"`, and lists its state as traits;
the same traits' defaults are what the book's page starts from. Chapters: all with an explorable.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import anywidget
import traitlets

from grooves.explorables import bundle, stylesheet

FOLDER = Path(__file__).parents[1]


class Explorable(anywidget.AnyWidget):
    """A widget whose front end is `<module>.mjs` and `<module>.css` in its folder."""

    module: ClassVar[str]

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    @traitlets.default("_esm")
    def _module(self) -> str:
        return bundle(FOLDER / self.module / f"{self.module}.mjs")

    @traitlets.default("_css")
    def _style(self) -> str:
        return stylesheet(FOLDER / self.module / f"{self.module}.css")

    @classmethod
    def defaults(cls) -> dict:
        """The default state that the front end starts from, by name."""
        own = cls.class_own_traits(sync=True)
        return {name: trait.default() for name, trait in own.items() if name[0] != "_"}

"""What a chapter teaches, at its top: the objectives of grooves/assets/chapters.toml.

    ```{objectives}
    ```

lists those of its own page, which the page "Teaching with this course" shows to instructors with
what practises each.
"""

from pathlib import Path

from chapter_data import entries
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from grooves import assets


class Objectives(SphinxDirective):
    """The objectives of the page that contains it, as a list."""

    def run(self):
        name = Path(self.env.doc2path(self.env.docname)).stem
        self.env.note_dependency(str(assets.FOLDER / "chapters.toml"))
        if name not in (chapters := entries()):
            raise self.error(f"grooves/assets/chapters.toml has no objectives for {name}")
        block = nodes.container(classes=["objectives"])
        block += self.parse_text_to_nodes("After this chapter, you can:")
        listed = nodes.bullet_list(bullet="-")
        for objective in chapters[name]["objectives"]:
            item = nodes.list_item()
            item += self.parse_text_to_nodes(objective)
            listed += item
        block += listed
        return [block]


def setup(app):
    app.add_directive("objectives", Objectives)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

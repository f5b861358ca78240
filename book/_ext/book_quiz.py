"""A quick quiz at the end of a chapter, answered in the page and without a server.

    ```{quiz}
    ```

shows the questions of book/quizzes/<page>.toml (see quiz_data.py). Each question becomes a list of
choices followed by a block of the class `quiz-reasons` that says which choice is correct and
comments on each. quiz.js turns the choices into radio buttons with immediate feedback; without
scripts, and on paper, the reasons follow their question.
"""

from pathlib import Path
from string import ascii_uppercase

from docutils import nodes
from quiz_data import quiz_path, read_quiz
from sphinx.util.docutils import SphinxDirective


class Quiz(SphinxDirective):
    """The questions of the page that contains it."""

    def run(self):
        page = Path(self.env.doc2path(self.env.docname))
        path = quiz_path(page.parent, page.stem)
        self.env.note_dependency(str(path))
        try:
            questions = read_quiz(path)
        except FileNotFoundError:
            raise self.error(f"this page has no quiz: write book/quizzes/{path.name}") from None
        except ValueError as error:
            raise self.error(str(error)) from None
        quiz = nodes.container(classes=["quiz"])
        for number, question in enumerate(questions, 1):
            quiz += self._question(number, question)
        return [quiz]

    def _question(self, number, question):
        block = nodes.container(classes=["quiz-question"])
        asked = nodes.container(classes=["quiz-ask"])
        asked += self.parse_text_to_nodes(f"**Question {number}.** {question.ask}")
        reasons = nodes.container(classes=["quiz-reasons"])
        right = next(i for i, choice in enumerate(question.choices) if choice.right)
        reasons += nodes.paragraph("", f"The answer is {ascii_uppercase[right]}.")
        reasons += self._list(question.choices, "why")
        block += [asked, self._list(question.choices, "text"), reasons]
        return block

    def _list(self, choices, field):
        """The choices, or the comments on them, as a list with capital letters."""
        listed = nodes.enumerated_list(enumtype="upperalpha", prefix="", suffix=".")
        listed["classes"] = ["quiz-choices" if field == "text" else "quiz-why"]
        for choice in choices:
            item = nodes.list_item(classes=["quiz-right"] if choice.right else [])
            item += self.parse_text_to_nodes(getattr(choice, field))
            listed += item
        return listed


def setup(app):
    app.add_directive("quiz", Quiz)
    app.add_css_file("quiz.css")
    app.add_js_file("quiz.js")
    return {"parallel_read_safe": True, "parallel_write_safe": True}

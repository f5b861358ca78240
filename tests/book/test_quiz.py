"""The quick quiz: its data are sound, and the page answers each choice at once and to everyone."""

from collections import Counter

import chapter_data
import pytest
import yaml
from book_teaching import _objectives
from built_book import ROOT
from chapter_data import chapter_names, practice, read_chapters
from playwright.sync_api import expect
from quiz_data import quiz_path, read_quiz
from read_pages import AXE, axe, settle, wear

PAGE = "book/asking.html"
NAMES = chapter_names(yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8")))
SOUND = 'practises = [1]\nask = "?"\nchoices = [{text = "a", why = "b", right = true}]\n'


# --- the data ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_each_chapter_ends_with_five_questions_whose_wrong_choices_are_explained(name):
    assert "```{quiz}\n```" in (ROOT / "book" / f"{name}.md").read_text("utf-8")
    questions = read_quiz(quiz_path(ROOT / "book", name))
    assert len(questions) == 5
    for question in questions:
        assert 3 <= len(question.choices) <= 4, question.ask
        assert question.practises, question.ask
        texts = [choice.text for choice in question.choices]
        assert len(set(texts)) == len(texts), question.ask
        assert all(len(choice.why.split()) >= 5 for choice in question.choices), question.ask
    places = Counter(
        next(i for i, choice in enumerate(question.choices) if choice.right)
        for question in questions
    )
    assert max(places.values()) <= 3, f"the right choice stands too often in one place: {places}"


@pytest.mark.parametrize("name", NAMES)
def test_each_objective_is_practised_by_an_exercise_or_a_question(name):
    (chapter,) = read_chapters(ROOT, [name])
    assert len(chapter.objectives) == len(chapter.exercises) == len(chapter.quiz)
    for objective, exercises, questions in zip(
        chapter.objectives, chapter.exercises, chapter.quiz, strict=True
    ):
        assert exercises or questions, f"{name}: nothing practises {objective!r}"


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("", "has no question"),
        ("[[questions]]\n" + SOUND.replace("ask", "asks"), "question 1: 'ask'"),
        ("[[questions]]\n" + SOUND.replace("why", "reason"), "question 1: "),
        ("[[questions]]\n" + SOUND.replace("true", "false"), "question 1 has 0 right choices"),
        ("[[questions]]\nask = ", "broken.toml: "),
    ],
)
def test_a_faulty_quiz_is_refused_with_its_place(tmp_path, text, complaint):
    path = tmp_path / "broken.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError) as refused:
        read_quiz(path)
    assert complaint in str(refused.value)
    assert "broken.toml" in str(refused.value)


@pytest.mark.parametrize(
    "change, complaint",
    [
        ({"practised": [["neuron"]]}, "has 1 entries for 2 objectives"),
        ({"practised": [["neuron"], ["neurone"]]}, "'neurone'"),
        ({"practised": [["neuron"], []]}, "question 2: practises = 3"),
    ],
)
def test_what_practises_an_objective_must_exist(tmp_path, change, complaint):
    path = quiz_path(tmp_path / "book", "01_forward_propagation")
    path.parent.mkdir(parents=True)
    second = SOUND.replace("[1]", "[3]")
    path.write_text(f"[[questions]]\n{SOUND}[[questions]]\n{second}", "utf-8")
    with pytest.raises(ValueError) as refused:
        practice(tmp_path, "01_forward_propagation", {"objectives": ["a", "b"], **change})
    assert complaint in str(refused.value)


def test_the_table_for_instructors_names_what_practises_each_objective(tmp_path):
    path = quiz_path(tmp_path / "book", "01_forward_propagation")
    path.parent.mkdir(parents=True)
    second = SOUND.replace("[1]", "[1, 2]")
    path.write_text(f"[[questions]]\n{SOUND}[[questions]]\n{second}", "utf-8")
    fields = {"objectives": ["add", "rest"], "practised": [["relu", "neuron"], []]}
    exercises, quiz = practice(tmp_path, "01_forward_propagation", fields)
    chapter = chapter_data.Chapter(
        "01_forward_propagation", "", (), "", "core", ("add", "rest"), (), {}, 0, 0, (), 0,
        exercises=exercises, quiz=quiz,
    )  # fmt: skip
    assert _objectives(chapter)[2:] == [
        "| add | 1.3 ReLU; 1.1 One neuron | 1, 2 |",
        "| rest | none | 2 |",
    ]


# --- the page ---------------------------------------------------------------------------------


@pytest.fixture
def quiz(page, sample_address):
    page.goto(sample_address + PAGE)
    settle(page)
    return page


def test_a_choice_is_answered_at_once_with_its_reason(quiz):
    first = quiz.get_by_role("radiogroup").first
    assert "How many is" in quiz.locator(f"#{first.get_attribute('aria-labelledby')}").inner_text()
    expect(quiz.get_by_text("Those are digits.")).to_be_hidden()
    first.get_by_label("22").check()
    said = quiz.locator(".quiz-said").first
    assert said.get_attribute("aria-live") == "polite"
    expect(said).to_have_text("Not correct. Those are digits.")
    first.get_by_label("Four").check()
    expect(said).to_contain_text("Correct. Since")
    expect(said).not_to_contain_text("Those are digits.")
    expect(quiz.locator(".quiz-said").last).to_be_empty()


def test_the_quiz_is_answered_with_the_keyboard_and_counted(quiz):
    status = quiz.get_by_role("status")
    quiz.get_by_role("radio", name="Three").focus()
    quiz.keyboard.press("Space")
    expect(status).to_have_text("0 of 2 answered correctly, 0 at the first attempt.")
    quiz.keyboard.press("ArrowDown")
    expect(status).to_have_text("1 of 2 answered correctly, 0 at the first attempt.")
    quiz.get_by_role("radio", name="Six").focus()
    quiz.keyboard.press("Space")
    expect(status).to_have_text("2 of 2 answered correctly, 1 at the first attempt.")
    quiz.get_by_role("button", name="Start again").press("Enter")
    expect(status).to_be_empty()
    assert quiz.locator("input:checked").count() == 0
    expect(quiz.locator(".quiz-said").first).to_be_empty()
    assert quiz.evaluate("document.activeElement.name") == "quiz-1"


def test_axe_finds_nothing_in_an_answered_quiz(quiz):
    for name in ("22", "Six"):
        quiz.get_by_role("radio", name=name).check()
    quiz.evaluate(AXE)
    for scheme in ("light", "dark"):
        wear(quiz, scheme)
        assert axe(quiz) == [], scheme


def test_without_scripts_the_reasons_stand_below_their_question(browser, sample_address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(sample_address + PAGE)
    expect(page.get_by_text("The answer is B.")).to_be_visible()
    expect(page.get_by_text("Those are digits.")).to_be_visible()
    expect(page.get_by_role("radio")).to_have_count(0)
    context.close()


def test_on_paper_choices_have_letters_and_the_reasons_are_printed(quiz):
    quiz.get_by_role("radio", name="Six").check()
    quiz.emulate_media(media="print")
    expect(quiz.get_by_text("The answer is B.")).to_be_visible()
    expect(quiz.get_by_text("That is the product.")).to_be_visible()
    for hidden in quiz.locator("input, .quiz-said, .quiz-end").all():
        expect(hidden).to_be_hidden()
    style = "getComputedStyle(document.querySelector('.quiz-choices')).listStyleType"
    assert quiz.evaluate(style) == "upper-alpha"

"""The widget with two stories: what is pressed is written, and nothing else is."""

import pytest
from tiny_models import tiny

from grooves.fine_tuning.thumbs import Thumbs, shown
from grooves.inference.feedback_file import default_path, read, weights_hash
from grooves.inference.sampled import draw_texts
from grooves.language.stories import Stories, to_words
from grooves.training import lineage


@pytest.fixture(scope="module")
def base():
    return lineage.base()


def widget(base, path, **changes):
    return Thumbs(base, Stories(), path, name="base", **changes)


def test_nothing_is_written_until_a_button_is_pressed(base, tmp_path):
    path = tmp_path / "thumbs.jsonl"
    thumbs = widget(base, path)
    thumbs.skip()
    thumbs._repr_mimebundle_()
    assert not path.exists()
    assert thumbs.given == 0


@pytest.mark.parametrize("side", [0, 1])
def test_the_story_whose_button_was_pressed_is_the_chosen_one(base, tmp_path, side):
    path = tmp_path / "thumbs.jsonl"
    thumbs = widget(base, path, prompt="Once upon a time")
    before = thumbs.texts()
    thumbs.buttons[side].click()
    ((_, one),) = read(path).feedback
    assert one.prompt == "Once upon a time"
    assert one.source == "widget"
    assert one.model == f"base@{weights_hash(base)}"
    texts = [to_words(f"{one.prompt} {text}") for text in (one.chosen, one.rejected)]
    assert texts == [to_words(before[side]), to_words(before[1 - side])]
    assert thumbs.given == 1
    assert "You have judged 1 pair" in thumbs.status.value
    assert set(thumbs.texts()).isdisjoint(before), "the next two stories are shown"


def test_the_weights_do_not_change_while_the_model_answers_or_is_judged(base, tmp_path):
    weights = weights_hash(base)
    thumbs = widget(base, tmp_path / "thumbs.jsonl")
    for press in (thumbs.left, thumbs.right, thumbs.skip, thumbs.left):
        press()
    draw_texts(base, 20, seed=1)
    assert weights_hash(base) == weights
    assert all(p.grad is None for p in base.parameters())


def test_two_equal_stories_are_never_shown_as_a_pair(base, tmp_path):
    thumbs = widget(base, tmp_path / "thumbs.jsonl")
    same, other = [5, 6], [7, 8]
    thumbs.waiting = [same, same, same, other]
    thumbs.skip()
    assert thumbs.pair == (same, other)


def test_a_model_that_writes_one_story_only_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(
        "grooves.fine_tuning.thumbs.draw_texts",
        lambda *_, **__: type("Drawn", (), {"tokens": [[1, 2]] * 8}),
    )
    with pytest.raises(ValueError, match="only one story that begins with 'Then'"):
        Thumbs(tiny(), Stories(), tmp_path / "thumbs.jsonl", prompt="Then")


def test_a_disk_that_cannot_be_written_is_told_and_the_pair_stays(base, tmp_path):
    folder = tmp_path / "file"
    folder.write_text("not a folder")
    thumbs = widget(base, folder / "thumbs.jsonl")
    before = thumbs.texts()
    thumbs.left()
    assert "Not written: " in thumbs.status.value
    assert thumbs.texts() == before
    assert thumbs.given == 0


def test_thumbs_go_to_the_cache_folder_by_default_and_it_is_said(base, monkeypatch, tmp_path):
    monkeypatch.setenv("GROOVES_CACHE", str(tmp_path / "cache"))
    thumbs = widget(base, None)
    assert thumbs.path == default_path() == tmp_path / "cache" / "feedback" / "thumbs.jsonl"
    assert shown(thumbs.path) in thumbs.status.value
    assert shown(thumbs.path) == "$GROOVES_CACHE/feedback/thumbs.jsonl"
    assert str(tmp_path) not in thumbs.status.value
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GROOVES_CACHE")
    assert shown(thumbs.path) == "~/cache/feedback/thumbs.jsonl"


def test_texts_are_shown_as_text_and_buttons_are_named(base, tmp_path):
    thumbs = widget(base, tmp_path / "thumbs.jsonl")
    assert [b.description for b in thumbs.buttons] == [
        "Left is better",
        "Right is better",
        "Skip this pair",
    ]
    quote = thumbs.tokenizer.encode('" No , it is mine , " said Pip .')
    thumbs.pair = (quote, quote[:3])
    thumbs._show()
    assert "&quot;No, it is mine,&quot; said Pip." in thumbs.stories[0].value
    assert 'role="status"' in thumbs.status.value

"""`grooves learn FILE`: what it reads, what it writes, and what it refuses."""

import numpy as np
import pytest
from tiny_models import tiny

from grooves import cli
from grooves.fine_tuning import judges, learn_command
from grooves.fine_tuning.learn_command import Change, Lesson
from grooves.inference.feedback_file import Feedback, append, weights_hash
from grooves.inference.sampled import draw_texts
from grooves.language.stories import Stories
from grooves.language.tokenizers import WordTokenizer
from grooves.training import lineage
from grooves.training.checkpoint import load_model, read, save_model

LANGUAGE = Stories()
TOKENIZER = WordTokenizer(LANGUAGE.vocabulary)


@pytest.fixture(scope="module")
def base():
    return lineage.base()


@pytest.fixture(scope="module")
def file(base, tmp_path_factory):
    """Ten pairs of happy and sad stories, a single thumb, and lines that cannot be used."""
    path = tmp_path_factory.mktemp("feedback") / "thumbs.jsonl"
    texts = draw_texts(base, 40, seed=3).tokens
    happy = [TOKENIZER.decode(t) for t in texts if judges.ending(t) == 1]
    sad = [TOKENIZER.decode(t) for t in texts if judges.ending(t) == -1]
    for chosen, rejected in list(zip(happy, sad, strict=False))[:10]:
        append(path, Feedback("base", chosen=chosen, rejected=rejected))
    append(path, Feedback("base", text=happy[-1], thumb=1, source="server"))
    append(path, Feedback("base", text="A robot came by.", thumb=-1))
    with path.open("ab") as end:
        end.write(b'{"time": "2026-11-')
    return path


def lesson_of(*feedback, context=192):
    return Lesson.from_feedback(list(enumerate(feedback, 1)), LANGUAGE, context)


@pytest.fixture
def quick(monkeypatch):
    """Fewer steps and stories than the command takes."""
    monkeypatch.setattr(learn_command, "MEASURED", 20)
    real = learn_command.learn_from_pairs
    monkeypatch.setattr(
        learn_command, "learn_from_pairs", lambda *a, **k: real(*a, **k | {"steps": 2})
    )


def test_the_command_writes_new_weights_and_says_what_changed(file, base, quick, tmp_path, capsys):
    to, committed = tmp_path / "models" / "new.safetensors", weights_hash(base)
    assert cli.main(["learn", str(file), "--to", str(to)]) == 0
    said = capsys.readouterr().out
    assert "10 pairs and 2 single thumbs" in said
    assert "line 13 is skipped: it is not JSON" in said
    assert "line 12 is skipped: 'robot' is not one of the" in said
    assert "A single thumb is compared with" in said and "Learning from 11 pairs" in said
    for what in (
        "The reward model prefers",
        "Happy endings: ",
        "Accepted by the parser: ",
        "nats per story",
    ):
        assert what in said
    assert read(to)[1]["notes"] == {"learned_from": 11, "started_from": f"base@{committed}"}
    new = weights_hash(load_model(to))
    assert new in said
    assert new != committed == weights_hash(lineage.base())


def test_learning_goes_on_from_the_given_weights_and_may_replace_them(
    file, quick, tmp_path, capsys
):
    path = tmp_path / "own.safetensors"
    save_model(lineage.short_trained(), path)
    before = weights_hash(load_model(path))
    assert cli.main(["learn", str(file), "--model", str(path), "--to", str(path)]) == 0
    assert read(path)[1]["notes"]["started_from"] == f"own@{before}"
    assert weights_hash(load_model(path)) != before
    assert [p.name for p in tmp_path.iterdir()] == ["own.safetensors"], "no part of a file is left"


def test_a_failure_leaves_the_old_weights_as_they_were(file, quick, tmp_path, monkeypatch, capsys):
    path = tmp_path / "own.safetensors"
    save_model(lineage.base(), path)
    old = path.read_bytes()

    def broken(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr("grooves.training.checkpoint.save_file", broken)
    assert cli.main(["learn", str(file), "--to", str(path)]) == 1
    assert "no space left" in capsys.readouterr().err
    assert path.read_bytes() == old


def test_what_cannot_be_learned_from_is_refused_in_one_sentence(file, tmp_path, capsys):
    empty, other = tmp_path / "empty.jsonl", tmp_path / "other.safetensors"
    empty.touch()
    save_model(tiny(), other)
    committed = lineage.weights_path(lineage.BASE_STEPS)
    for words, reason in (
        (["nothing.jsonl"], "nothing.jsonl"),
        ([str(empty)], "nothing to learn from"),
        ([str(file), "--model", "missing.safetensors"], "there is no checkpoint"),
        ([str(file), "--model", str(other)], "give a story model of the course"),
        ([str(file), "--to", str(committed)], "choose another place with --to"),
    ):
        assert cli.main(["learn", *words]) == 1
        said = capsys.readouterr()
        assert reason in said.err
        assert said.err.count("\n") == 1


def test_single_thumbs_are_paired_with_the_opposite_on_the_same_prompt(base):
    good = Feedback("base", "Once", text="upon a time there was a fox", thumb=1)
    bad = Feedback("base", "Once", text="upon a time it was sad", thumb=-1)
    other = Feedback("base", "Milo", text="was a fox", thumb=-1)
    pairs = lesson_of(good, bad, other).pairs(base)
    whole = [TOKENIZER.encode(f"{one.prompt} {one.text}") for one in (good, bad, other)]
    assert pairs.chosen[:2] == [whole[0], whole[0]]
    assert pairs.rejected == [whole[1], whole[1], whole[2]]
    assert pairs.prompts == [1, 1, 1]
    assert pairs.chosen[2][:1] == whole[2][:1], "what the model writes for that prompt"
    assert pairs.chosen[2] not in whole


def test_texts_that_differ_only_beyond_the_context_are_skipped():
    long = "it was sad . " * 10
    one = Feedback("base", "Once", chosen=long + "Milo", rejected=long + "Tom")
    assert lesson_of(one).compared
    cut = lesson_of(one, context=20)
    assert not cut.compared
    assert "the same as far as the model can read" in cut.skipped[0][1]
    full = lesson_of(Feedback("base", long, text="Milo", thumb=1), context=20)
    assert "leaves no room in 20" in full.skipped[0][1]


def test_the_preferred_share_is_half_for_an_unchanged_model_and_one_for_a_better_one(base):
    calls = []

    def length(texts):
        return np.array([float(len(text)) for text in texts])

    def later_is_better(texts):
        calls.append(len(texts))
        return length(texts) + 1000 * len(calls)

    change = Change.measure(base, base, length, n=30)
    assert change.preferred == pytest.approx(0.5)
    assert change.after.kl == pytest.approx(0, abs=1e-5)
    assert Change.measure(base, base, later_is_better, n=30).preferred == 1

"""The checks of lab 4 beyond what `test_checks_labs.py` asks of every lab's."""

import functools
import json
import re

import pytest
import torch
from answers.transformer import ANSWERS, REFUSED_CHOICES
from test_checks_labs import refusal as refusal_in
from torch.utils.flop_counter import FlopCounterMode

from grooves.checks import CheckFailed
from grooves.checks import transformer as check
from grooves.checks.transformer.byte_pair import CASES, byte_pairs_of
from grooves.checks.transformer.costs import LARGER, SMALL
from grooves.checks.transformer.flops import training_step_flops
from grooves.checks.transformer.generation import (
    CHANCE_MISTAKES,
    FAR,
    LOGITS,
    N_TEXTS,
    _frequencies,
    _softmax,
    forgetful,
)
from grooves.models.transformer import Attention, Transformer

WRONG = ANSWERS.wrong_answers


pytestmark = pytest.mark.usefixtures("own_progress")
refusal = functools.partial(refusal_in, ANSWERS.lab)


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        ("rotate", lambda x, base: course_rotation(x, base)),
        ("causal_attention", lambda q, k, v: course_attention(q, k, v)),
        ("causal_attention", lambda q, k, v: check_yardstick(q, k, v)),
        ("generate", lambda model, ids, n, temperature: course_text(model, ids, n, temperature)),
    ],
)
def test_calling_the_courses_own_code_is_refused_where_the_exercise_is_to_write_it(
    exercise, answer
):
    assert refusal(exercise, answer).hint == "course_code"


def course_rotation(x, base):
    from grooves.models.transformer import rotate, rotation_angles

    return rotate(x, rotation_angles(x.size(-2), x.size(-1), base))


def course_attention(q, k, v):
    """The course's module with its matrices set to do nothing."""
    module = Attention(LARGER)
    module.split_heads = lambda x, rotation: (q[:, None], k[:, None], v[:, None])
    module.out = torch.nn.Identity()
    return module(q, None)


def check_yardstick(q, k, v):
    from grooves.checks.transformer.causal import scores_of

    future = torch.ones(q.size(1), q.size(1)).triu(1).bool()
    return scores_of(q, k).masked_fill(future, -torch.inf).softmax(-1) @ v


def course_text(model, ids, n_words, temperature):
    from grooves.inference.generate import sample_next

    for _ in range(n_words):
        ids = torch.cat((ids, sample_next(model(ids)[:, -1], temperature)), dim=1)
    return ids


def test_calling_earlier_answers_and_pytorch_is_allowed_where_the_exercise_is_another():
    earlier = ("softmax-answer", "causal_attention-answer")
    names = ANSWERS.run_cells(ANSWERS.master, *earlier)
    check.causal_attention(names["causal_attention"])
    check.next_word_loss(
        ANSWERS.reference("next_word_loss")
    )  # F.cross_entropy is not what it asks for


def test_the_courses_own_model_may_be_called_where_the_exercise_is_to_count():
    name = "the model built and counted, the cache built and measured"
    check.costs(ANSWERS.right_answers["costs"][name])


@pytest.mark.parametrize("config", [SMALL, LARGER])
def test_the_flops_of_the_formula_are_those_that_pytorch_counts(config):
    batch, length = 2, 16
    model = Transformer(config)
    ids = torch.randint(config.vocabulary_size, (batch, length + 1))
    with (
        FlopCounterMode(display=False) as counter,
        torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH),
    ):
        model.loss(ids[:, :-1], ids[:, 1:]).backward()
    assert counter.get_total_flops() == training_step_flops(config, batch, length)


@pytest.mark.parametrize(
    ("exercise", "answer", "says"),
    [
        ("softmax", lambda scores: scores - scores.max(dim=1), "x.max(dim).values"),
        ("softmax", lambda scores: scores - scores.max(1)[:, None], "x.max(dim).values"),
        ("causal_attention", lambda q, k, v: q @ k.T @ v, "x.mT swaps the last two"),
        ("causal_attention", lambda q, k, v: q @ k.transpose(0, 2, 1) @ v, "swaps two axes"),
        (
            "causal_attention",
            lambda q, k, v: (q @ k.mT).masked_fill(torch.ones(5, 5).triu(1), -torch.inf) @ v,
            "mask.bool()",
        ),
        ("block", lambda x, attend, up, down: max(up(x), 0), "clamp or relu"),
        ("block", lambda x, attend, up, down: torch.maximum(up(x), 0), "x.clamp(min=0)"),
        (
            "next_word_loss",
            lambda logits, ids, p: torch.nn.functional.cross_entropy(logits[:, :-1], ids[:, 1:]),
            "logits of shape (N, V) and N ids",
        ),
        (
            "generate",
            lambda model, ids, n, temperature: ids.append(model(ids)[:, -1].argmax(-1)),
            "torch.cat((x, y), dim)",
        ),
        (
            "generate",
            lambda model, ids, n, t: torch.cat((ids, model(ids)[:, -1].argmax(-1)), dim=1),
            "x[:, None] adds one",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:The use of `x.T`")
def test_an_error_that_comes_of_a_numpy_habit_says_what_pytorch_writes(exercise, answer, says):
    failure = refusal(exercise, answer)
    assert failure.hint == "raised"
    assert says in failure.message.splitlines()[-1]


def test_a_check_says_the_same_whatever_the_students_seed():
    said = set()
    for seed in (0, 1):
        torch.manual_seed(seed)
        said.add(refusal("causal_attention", WRONG["causal_attention"]["no_scaling"]).message)
    assert len(said) == 1


def test_the_race_returns_the_score_that_it_prints(capsys):
    score = check.race({"n_layer": 1, "n_embd": 16, "n_head": 2}, seconds=0.3)
    assert f"{score:.4f} ±" in capsys.readouterr().out


@pytest.mark.parametrize("hint", REFUSED_CHOICES)
def test_the_race_refuses_with_a_sentence_a_choice_that_cannot_be(hint):
    with pytest.raises(CheckFailed) as caught:
        check.race(REFUSED_CHOICES[hint], seconds=4)  # it ends where it diverges
    assert caught.value.hint == hint


def test_each_row_of_the_table_from_numpy_to_pytorch_is_run_below_it():
    """The cell asserts that all results of a row are equal, and it holds every row."""
    notebook = json.loads(ANSWERS.master.read_text(encoding="utf-8"))
    text = {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}
    run = re.findall(r'^    "(.+?)": \((.+)\),$', text["bridge"], re.MULTILINE)
    rows = [line for line in text["bridge-text"].splitlines() if re.match(r"\| [^|]+ \| `", line)]
    stated = []
    for row in rows:
        name, of_numpy, of_pytorch = row.strip("| ").split(" | ")[:3]
        stated.append((name, ", ".join(re.findall("`(.+?)`", f"{of_numpy} {of_pytorch}"))))
    assert len(run) == 14
    assert stated == run


def test_the_tokens_of_byte_pairs_spell_the_text_they_came_from():
    for corpus, n_merges, text in CASES:
        pairs, ids = byte_pairs_of(corpus, n_merges, text)
        spelled = [bytes([byte]) for byte in range(256)]
        for left, right in pairs:
            spelled.append(spelled[left] + spelled[right])
        assert len(pairs) == n_merges
        assert b"".join(spelled[token] for token in ids).decode() == text


def test_words_are_drawn_with_the_probabilities_that_they_are_compared_with():
    """The right frequencies lie far inside what the check allows, and those of mistakes outside."""
    logits, temperatures = torch.tensor(LOGITS), (1.0, 0.5, 2.0, 0)
    answer = ANSWERS.reference("generate")
    for temperature in temperatures:
        torch.manual_seed(1)
        begin = torch.zeros(N_TEXTS, 1, dtype=torch.long)
        got = _frequencies(answer(forgetful(), begin, 2, temperature), len(logits))
        assert (got - _softmax(logits, temperature)).abs().max() < FAR / 2
    for mistake in CHANCE_MISTAKES:
        off = [(mistake.compute(logits, t) - _softmax(logits, t)).abs().max() for t in temperatures]
        assert max(off) > 1.5 * FAR, mistake.name

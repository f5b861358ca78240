"""The checks of lab 4 beyond what `test_checks_labs.py` asks of every lab's."""

import pytest
import torch
from answers.transformer import ANSWERS
from torch.utils.flop_counter import FlopCounterMode

from grooves.checks import CheckFailed
from grooves.checks import transformer as check
from grooves.checks.transformer.costs import LARGER, SMALL
from grooves.checks.transformer.flops import training_step_flops
from grooves.models.transformer import Attention, Transformer

WRONG = ANSWERS.wrong_answers


pytestmark = pytest.mark.usefixtures("own_progress")


def refusal(exercise, answer):
    with pytest.raises(CheckFailed) as caught:
        getattr(check, exercise)(answer)
    return caught.value


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        ("rotate", lambda x, base: course_rotation(x, base)),
        ("causal_attention", lambda q, k, v: course_attention(q, k, v)),
        ("attention", lambda q, k, v: check_yardstick(q, k, v)),
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
    from grooves.checks.transformer.scaled_attention import scores_of

    return scores_of(q, k).softmax(-1) @ v


def test_calling_earlier_answers_and_pytorch_is_allowed_where_the_exercise_is_another():
    earlier = ("softmax-answer", "attention-answer", "causal_attention-answer")
    names = ANSWERS.run_cells(ANSWERS.master, *earlier)
    check.causal_attention(names["causal_attention"])
    check.next_word_loss(
        ANSWERS.reference("next_word_loss")
    )  # F.cross_entropy is not what it asks for


def test_the_courses_own_model_may_be_called_where_the_exercise_is_to_count():
    check.count_parameters(ANSWERS.right_answers["count_parameters"]["the model built and counted"])


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
        ("attention", lambda q, k, v: q @ k.T / q.size(-1) ** 0.5 @ v, "x.mT swaps the last two"),
        ("attention", lambda q, k, v: q @ k.transpose(0, 2, 1) @ v, "swaps two axes"),
        ("block", lambda x, attend, up, down: max(up(x), 0), "clamp or relu"),
        ("block", lambda x, attend, up, down: torch.maximum(up(x), 0), "x.clamp(min=0)"),
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
        said.add(refusal("attention", WRONG["attention"]["no_scaling"]).message)
    assert len(said) == 1


def test_the_race_returns_the_score_that_it_prints(capsys):
    score = check.race(lambda: {"n_layer": 1, "n_embd": 16, "n_head": 2}, seconds=0.3)
    assert f"{score:.4f} ±" in capsys.readouterr().out


@pytest.mark.parametrize("hint", ["diverged", "unknown_choice", "wrong_type"])
def test_the_race_refuses_with_a_sentence_what_the_check_refuses(hint):
    with pytest.raises(CheckFailed) as caught:
        check.race(WRONG["recipe"][hint], seconds=0.3)
    assert caught.value.hint == hint

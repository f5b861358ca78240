"""The checks of lab 04 tell right from wrong, and name each slip.

Every exercise is shown the reference, other right answers, the stub, an empty cell, and wrong
answers that must be refused with a hint of their own. `answers/transformer.py` holds them.
"""

import inspect
import json
import math
from dataclasses import replace

import pytest
import torch
from answers.transformer import (
    LAB,
    MASTER,
    RIGHT,
    STUDENT,
    WRONG,
    cells,
    reference,
    run_cells,
    stub,
)
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from torch.utils.flop_counter import FlopCounterMode
from traitlets.config import Config

from grooves.checks import (
    AnswerRaised,
    CheckFailed,
    NotStarted,
    exercises,
    recorded,
    transformer_challenge,
    transformer_repair,
)
from grooves.checks import transformer as check
from grooves.checks.transformer_costs import LARGER, SMALL
from grooves.checks.transformer_flops import training_step_flops
from grooves.transformer import Attention, Transformer

EXERCISES = dict(exercises(LAB))
TRAINS = ("repaired", "recipe")  # their checks train a model, which takes seconds
WRITTEN = [name for name in EXERCISES if name not in TRAINS]
ANY_SLIP = {"returned_none": lambda *inputs: None, "unusable": lambda *inputs: "softmax"}


def of(exercise):
    return getattr(check, exercise)


def each(table):
    return [(exercise, name) for exercise in EXERCISES for name in table[exercise]]


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    """Nothing is recorded in the progress of whoever runs the tests."""
    monkeypatch.setenv("GROOVES_CACHE", str(tmp_path))


def refusal(exercise, answer):
    with pytest.raises(CheckFailed) as caught:
        of(exercise)(answer)
    return caught.value


# --- right answers ----------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_reference_is_accepted_and_is_what_ran(exercise, capsys):
    answer, ran = recorded(reference(exercise))
    of(exercise)(answer)
    assert ran
    assert f"passed: {exercise} ({EXERCISES[exercise]} point" in capsys.readouterr().out


@pytest.mark.parametrize(("exercise", "name"), each(RIGHT))
def test_a_right_answer_written_differently_is_accepted(exercise, name):
    of(exercise)(RIGHT[exercise][name])


def test_every_exercise_has_two_right_answers_besides_the_reference():
    assert set(RIGHT) == set(EXERCISES)
    assert all(len(answers) >= 2 for answers in RIGHT.values())


# --- wrong answers ----------------------------------------------------------------------------


@pytest.mark.parametrize(("exercise", "hint"), each(WRONG))
def test_a_wrong_answer_is_refused_with_its_own_hint(exercise, hint):
    failure = refusal(exercise, WRONG[exercise][hint])
    assert failure.hint == hint
    assert exercise in str(failure)
    MESSAGES.setdefault(exercise, {})[hint] = failure.message


MESSAGES: dict[str, dict[str, str]] = {}


@pytest.mark.parametrize("exercise", EXERCISES)
def test_no_two_slips_of_an_exercise_get_the_same_advice(exercise):
    if exercise in TRAINS and exercise not in MESSAGES:
        pytest.skip("trains for seconds; runs behind the test of the wrong answers")
    if exercise not in MESSAGES:
        MESSAGES[exercise] = {h: refusal(exercise, a).message for h, a in WRONG[exercise].items()}
    advice = [message.split("Likely slip:")[-1] for message in MESSAGES[exercise].values()]
    assert len(set(advice)) == len(advice)


def test_every_exercise_has_five_named_wrong_answers():
    assert set(WRONG) == set(EXERCISES)
    assert all(len(answers) >= 5 for answers in WRONG.values())


@pytest.mark.parametrize("exercise", WRITTEN)
def test_a_message_gives_the_students_own_shapes_or_sizes(exercise):
    numeric = [h for h in WRONG[exercise] if h not in ("ready_made", "wrong_type", "not_two")]
    for hint in numeric:
        message = refusal(exercise, WRONG[exercise][hint]).message
        assert message.startswith("for "), message
        given = message.split(", your result ")[0].split(", the number is right")[0]
        assert any(character.isdigit() for character in given), message


@pytest.mark.parametrize("exercise", EXERCISES)
@pytest.mark.parametrize("hint", ANY_SLIP)
def test_nothing_or_nonsense_returned_is_refused_with_a_sentence(exercise, hint):
    failure = refusal(exercise, ANY_SLIP[hint])
    assert failure.hint in ("returned_none", "wrong_type", "unusable")
    assert "Traceback" not in failure.message


@pytest.mark.parametrize("exercise", EXERCISES)
def test_an_error_of_the_students_is_told_as_theirs(exercise):
    def answer(*inputs):
        return inputs[0].there_is_no_such_thing if inputs else {}["nothing"]

    failure = refusal(exercise, answer)
    assert isinstance(failure, AnswerRaised)
    assert "there_is_no_such_thing" in failure.message or "nothing" in failure.message


# --- not started ------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_untouched_stub_is_not_started_yet(exercise):
    failure = refusal(exercise, stub(exercise))
    assert isinstance(failure, NotStarted)
    assert "not started yet" in str(failure)


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """An IPython shell in which the student's lab has been set up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        patch.setenv("GROOVES_CACHE", str(tmp_path_factory.mktemp("cache")))
        shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        with capture_output():
            assert shell.run_cell(cells(STUDENT)["setup"]).success
        yield shell
        InteractiveShell.clear_instance()


@pytest.mark.parametrize("exercise", EXERCISES)
def test_an_empty_cell_is_not_started_yet(exercise, shell):
    with capture_output() as shown:
        assert shell.run_cell("").success
        ended = shell.run_cell(cells(STUDENT)[f"{exercise}-check"])
    assert not ended.success
    assert "not started yet" in shown.stdout
    assert "Traceback" not in shown.stdout + shown.stderr
    assert "grooves" not in shown.stdout + shown.stderr


# --- the student's code is what ran -------------------------------------------------------------


def spoiled(result):
    """The same kind of result with other numbers in it."""
    if isinstance(result, torch.Tensor):
        return result * 1.5 + 0.1
    if isinstance(result, tuple):
        return tuple(spoiled(part) for part in result)
    return 1.5 * result


@pytest.mark.parametrize("exercise", WRITTEN)
def test_every_call_of_the_answer_decides(exercise):
    """Whichever call of the reference gives wrong numbers, the check refuses it."""
    answer = reference(exercise)
    _, ran = counted = recorded(answer)
    of(exercise)(counted[0])
    for spoil_at in range(len(ran)):
        calls = []

        def sometimes_wrong(*inputs, spoil_at=spoil_at, calls=calls):
            calls.append(inputs)
            result = answer(*inputs)
            return spoiled(result) if len(calls) - 1 == spoil_at else result

        refusal(exercise, sometimes_wrong)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_check_reads_nothing_of_the_solutions(exercise):
    """No check knows the reference: only tests read the solutions notebook."""
    module = inspect.getsource(inspect.getmodule(of(exercise).__wrapped__))
    assert "solutions" not in module
    assert "ipynb" not in module


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
    from grooves.transformer import rotate, rotation_angles

    return rotate(x, rotation_angles(x.size(-2), x.size(-1), base))


def course_attention(q, k, v):
    """The course's module with its matrices set to do nothing."""
    module = Attention(LARGER)
    module.split_heads = lambda x, rotation: (q[:, None], k[:, None], v[:, None])
    module.out = torch.nn.Identity()
    return module(q, None)


def check_yardstick(q, k, v):
    from grooves.checks.transformer_attention import _scores

    return _scores(q, k).softmax(-1) @ v


def test_calling_earlier_answers_and_pytorch_is_allowed_where_the_exercise_is_another():
    names = run_cells(MASTER, "softmax-answer", "attention-answer", "causal_attention-answer")
    check.causal_attention(names["causal_attention"])
    check.next_word_loss(reference("next_word_loss"))  # F.cross_entropy is not what it asks for


def test_the_courses_own_model_may_be_called_where_the_exercise_is_to_count():
    check.count_parameters(RIGHT["count_parameters"]["the model built and counted"])


# --- yardsticks and manners ---------------------------------------------------------------------


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


def test_the_examples_worked_by_hand_in_the_lab_are_right():
    """The solutions give the numbers that the lab states, in these very words."""

    def near(got, expected):
        return torch.allclose(torch.as_tensor(got), torch.as_tensor(expected), atol=1e-5)

    notebook = json.loads(MASTER.read_text(encoding="utf-8"))
    lab = "".join("".join(cell["source"]) for cell in notebook["cells"])
    for stated in (
        "*By hand.* Scores 0 and ln 3: the exponentials are 1 and 3",
        "the shares are 1/4 and 3/4.\nScores 1000 and 1000 + ln 3 have the same shares",
        "One query (2 ln 3, 0, 0, 0) and two keys, (1, 0, 0, 0) and (0, 0, 0, 0), so D = 4.",
        "With the values 8 and 0 the answer is 3/4 · 8 = 6.",
        "Three words whose scores are all 0, with the values 6, 0 and 3.",
        "Word 0 sees itself alone: 6.\nWord 1 sees two words, half each: (6 + 0) / 2 = 3.",
        "Word 2 sees all three: (6 + 0 + 3) / 3 = 3.",
        "(1, 2, 3, 4, 5, 6) and 3 heads: head 0 gets (1, 2), head 1 gets (3, 4), head 2 gets (5, 6",
        "Heads (1, 2), (3, 4), (5, 6) of one word become (1, 2, 3, 4, 5, 6) again.",
        "The pair (1, 0) stays (1, 0) at position 0 and becomes (cos 1, sin 1) at position 1.",
        "so for base = 100 it turns by 1/10 radian a word",
        "A word (3, −3) has the norm (1, −1).\nLet attention double what it reads",
        "The squared ReLU of that is (1, 0), and added it gives (6, −5).",
        "a text 0, 1.\nAt position 0 the logits are (0, ln 3)",
        "its surprise is −ln 3/4 = ln 4/3",
        "V = 10, C = 2, two layers, `mlp_from` = 1: 10 · 2 + 2 + (4 + 4 + 8) · 2² = 86.",
        "One layer, C = 2, one text of 3 words, 4 bytes a value: 2 · 1 · 2 · 3 · 4 = 48 bytes",
    ):
        assert stated in lab, stated

    softmax = reference("softmax")
    assert near(softmax(torch.tensor([[0, math.log(3)]])), [[0.25, 0.75]])
    assert near(softmax(torch.tensor([[1000, 1000 + math.log(3)]])), [[0.25, 0.75]])

    q = torch.tensor([[[2 * math.log(3), 0.0, 0.0, 0.0]]])
    k = torch.tensor([[[1.0, 0, 0, 0], [0, 0, 0, 0]]])
    assert near(reference("attention")(q, k, torch.tensor([[[8.0], [0.0]]])), [[[6.0]]])

    v = torch.tensor([[[6.0], [0.0], [3.0]]])
    assert near(reference("causal_attention")(v * 0, v * 0, v), [[[6.0], [3.0], [3.0]]])

    x = torch.arange(1.0, 7).view(1, 1, 6)
    heads = reference("split_heads")(x, 3)
    assert near(heads[0, :, 0], [[1.0, 2], [3, 4], [5, 6]])
    assert near(reference("merge_heads")(heads), x)

    rotate = reference("rotate")
    pair = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    assert near(rotate(pair, 100.0), [[[[1.0, 0.0], [math.cos(1), math.sin(1)]]]])
    second = rotate(torch.tensor([[[[0.0, 0, 1, 0], [0, 0, 1, 0]]]]), 100.0)[0, 0, 1, 2:]
    assert near(second, [math.cos(0.1), math.sin(0.1)])

    word = torch.tensor([[[3.0, -3.0]]])
    got = reference("block")(word, lambda h: 2 * h, lambda h: h, lambda h: h)
    assert near(got, [[[6.0, -5.0]]])

    logits = torch.tensor([[[0.0, math.log(3)], [0.0, 0.0]]])
    loss = reference("next_word_loss")(logits, torch.tensor([[0, 1]]), -1)
    assert near(loss, math.log(4 / 3))

    tiny = replace(SMALL, vocabulary_size=10, n_layer=2, n_head=1, n_embd=2)  # mlp_from = 1
    assert reference("count_parameters")(tiny) == 86
    one_layer = replace(tiny, n_layer=1, mlp_from=0)
    assert reference("memory")(one_layer, 1, 3, 4)[1] == 48


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_check_leaves_the_students_random_numbers_alone(exercise, monkeypatch):
    answer = reference(exercise)
    monkeypatch.setattr(transformer_repair, "STEPS", 1)
    monkeypatch.setattr(transformer_challenge, "MOST_STEPS", transformer_challenge.FEWEST_STEPS)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    if exercise not in TRAINS:
        of(exercise)(answer)
    else:  # a training too short to pass, but the check runs to its end
        assert refusal(exercise, answer).hint in ("learns_badly", "few_steps", "above_bar")
    assert torch.equal(torch.get_rng_state(), before)


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


def test_points_and_order_are_those_of_the_notebook():
    notebook = json.loads(MASTER.read_text(encoding="utf-8"))
    graded = [c["metadata"].get("nbgrader", {}) for c in notebook["cells"]]
    found = {g["grade_id"].removesuffix("-check"): g["points"] for g in graded if g.get("grade")}
    assert list(found.items()) == list(EXERCISES.items())

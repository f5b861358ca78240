"""Errors that PyTorch and NumPy raise out of each other's habits are told in one more sentence."""

import importlib
import math
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from grooves.checks import AnswerRaised, CheckFailed, check
from grooves.checks.errors import habit


@check(lab="98_errors", exercise="used")
def used(answer):
    answer(torch.arange(24.0).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda x: x - x.max(dim=1), "x.max(dim).values"),
        (lambda x: torch.sqrt(x.min(dim=-1)), "x.min(dim).values"),
        (lambda x: x.transpose(0, 2, 1), "swaps two axes"),
        (lambda x: max(x, 0), "clamp or relu"),
        (lambda x: 1 if x not in [x + 1, x] else 2, "compare identities"),
        (lambda x: torch.maximum(x, 0), "x.clamp(min=0)"),
        (lambda x: [2.0, 3.0] - [1.0, 1.0], "make arrays of them"),
        (lambda x: [2.0, 3.0] / 2, "make arrays of them"),
        (lambda x: [2.0, 3.0] * 0.5, "make arrays of them"),
        (lambda x: x.copy(), "x.clone()"),
        (lambda x: x.astype(float), "x.to(dtype)"),
        (lambda x: torch.exp(2), "use math"),
        (lambda x: np.exp(x.requires_grad_()), "stay in PyTorch"),
        (lambda x: x.transpose(0, 1).view(-1), "use reshape"),
        (lambda x: x.max(-1)[..., None], "x.max(dim).values"),
        (lambda x: x.max(1).unsqueeze(1), "x.max(dim).values"),
        (lambda x: np.max(x, axis=1), "dim and keepdim"),
        (lambda x: F.softmax(x, axis=1), "dim and keepdim"),
        (lambda x: torch.flip(x, axis=1), "dim and keepdim"),
        (lambda x: x.numpy().sum(dim=1), "axis and keepdims"),
        (lambda x: torch.transpose(x, (0, 2, 1)), "swaps two axes"),
        (lambda x: x.numpy().transpose(1, 2), "a.swapaxes(1, 2)"),
        (lambda x: x @ x.T, "x.mT swaps the last two"),
        (lambda x: x.numpy() @ x.numpy().T, "x.mT swaps the last two"),
        (lambda x: x.append(0), "torch.cat((x, y), dim)"),
        (lambda x: torch.expand_dims(x, 0), "x.unsqueeze(dim)"),
        (lambda x: x.numpy().clone(), "torch.from_numpy(a)"),
        (lambda x: np.relu(x), "np.maximum(a, 0)"),
        (lambda x: x.size // 2, "x.size(-1)"),
        (lambda x: x.shape[0] + x.size[1], "x.size(-1)"),
        (lambda x: x[::-1], "x.flip(dim)"),
        (lambda x: torch.exp(x.numpy()), "torch.from_numpy(a)"),
        (lambda x: torch.matmul(x, x.numpy()), "torch.from_numpy(a)"),
        (lambda x: torch.cat((x, x.numpy())), "torch.from_numpy(a)"),
        (lambda x: torch.where(x > 0, x, x.numpy()), "torch.from_numpy(a)"),
        (lambda x: x.numpy() @ x, "torch.from_numpy(a)"),
        (lambda x: x.numpy() + x, "torch.from_numpy(a)"),
        (lambda x: x.masked_fill(torch.ones(3, 4), 0), "mask.bool()"),
        (lambda x: 1 - (x > 0), "~mask"),
        (lambda x: x.long().softmax(-1), "x.float()"),
        (lambda x: x.long().mean(), "x.float()"),
        (lambda x: x.long().add_(0.5), "x.float()"),
        (lambda x: x @ x.mT.long(), "x.to(other.dtype)"),
        (lambda x: x.double() @ x.mT, "x.to(other.dtype)"),
        (lambda x: x[x], "x.long()"),
        (lambda x: F.embedding(x, x[0]), "x.long()"),
        (lambda x: F.cross_entropy(x[0], x[0, :, 0].int()), "x.long()"),
        (lambda x: F.cross_entropy(x, x[..., 0].long()), "(N, V) and N ids"),
        (lambda x: F.cross_entropy(x[0], x[1, :, 0].long()), "ignore_index"),
        (lambda x: torch.cat((x, x[0]), dim=1), "x[:, None] adds one"),
        (lambda x: torch.multinomial(x[0] - 5, 1), "logits"),
        (lambda x: math.exp(x), "The functions of math"),
        (lambda x: x.item(), "A single number is needed"),
        (lambda x: x.reshape(2, 12 / 4, 4), "divide them with //"),
        (lambda x: x.view(2, 12 / 4, 4), "divide them with //"),
        (lambda x: x[x[0] > 3], "x.masked_fill(mask, value)"),
        (lambda x: torch.multinomial(x.exp(), 1), "choose the position first"),
        (lambda x: torch.cat((x, x[:, :1])), "that is axis 0"),
        (lambda x: np.concatenate((x.numpy(), x.numpy()[:, :1])), "that is axis 0"),
        (lambda x: torch.cat((x, x.sum())), "has no axis"),
        (lambda x: x + torch.ones(3), "x[:, None] adds one"),
        (lambda x: x.numpy() + np.ones(3), "x[:, None] adds one"),
        (lambda x: torch.nn.Linear(4, 4).weight.mul_(2), "torch.no_grad()"),
        (lambda x: torch.nn.Linear(4, 4)(x).backward(), "the mean or the sum"),
        (lambda x: x.sum().backward(), "cuts the gradient off"),
        (lambda x: torch.nn.Linear(4, 4)(x).detach().sum().backward(), "cuts the gradient off"),
        (lambda x: x[x > 3] @ x, None),
        (lambda x: {}["key"], None),
    ],
)
@pytest.mark.filterwarnings("ignore")  # some habits are also warned of
def test_a_habit_of_the_other_library_is_told(answer, says):
    with pytest.raises(AnswerRaised) as caught:
        used(answer)
    if says is None:
        raised = caught.value.__cause__
        assert habit(f"{type(raised).__name__}: {raised}") is None
    else:
        assert says in caught.value.message.splitlines()[-1]


@pytest.mark.parametrize(
    ("lab", "exercise", "answer", "says"),
    [
        ("forward_propagation", "layer", lambda x, w, b: x @ w.mm(x) + b, "torch.from_numpy(a)"),
        ("forward_propagation", "relu", lambda z: max(z, 0), "maximum or where"),
        ("forward_propagation", "relu", lambda z: z.clamp(0), "torch.from_numpy(a)"),
        ("forward_propagation", "softmax", lambda z: np.exp(z - z.max(dim=1)), "axis and keepdims"),
        ("labels", "contrastive_loss", lambda *inputs: inputs[0].max(dim=1).exp(), "x.max(dim)"),
        ("fine_tuning", "lora_forward", lambda x, w, a, b, s: x.astype(float), "x.to(dtype)"),
        ("fine_tuning", "lora_forward", lambda x, w, *_: w.numpy() @ x.mT, "torch.from_numpy(a)"),
        ("precision_memory", "quantize", lambda w, *_: w.max(-1) / 7, "x.max(dim).values"),
        ("precision_memory", "int8_product", lambda x, *_: max(x, 0), "clamp or relu"),
        ("transformer", "split_heads", lambda x, n: x.transpose(0, 2, 1), "swaps two axes"),
    ],
)
def test_a_habit_is_told_in_the_exercises_of_all_labs(own_progress, lab, exercise, answer, says):
    module = importlib.import_module(f"grooves.checks.{lab}")
    with pytest.raises(CheckFailed) as caught:
        getattr(module, exercise)(answer)
    assert says in caught.value.message.splitlines()[-1]  # not in the line that it shows


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda scores: scores.max(dim=1), ".values is the first"),
        (lambda scores: scores.numpy(), "torch.from_numpy(a)"),
        (lambda scores: scores.tolist(), "It returned a list of 4."),
    ],
)
def test_a_result_of_the_other_librarys_type_is_told_how_to_make_the_right_one(
    own_progress, answer, says
):
    from grooves.checks.transformer import softmax

    with pytest.raises(CheckFailed) as caught:
        softmax(answer)
    assert caught.value.hint == "wrong_type"
    assert says in caught.value.message


def test_a_target_that_is_padding_is_told_to_be_left_out(own_progress):
    from grooves.checks.transformer import next_word_loss

    def answer(logits, ids, padding):
        log_p = logits.log_softmax(-1)[:, :-1]
        found = -log_p.gather(-1, ids[:, 1:, None]).squeeze(-1)
        return found[ids[:, 1:] != padding].mean()

    with pytest.raises(CheckFailed) as caught:
        next_word_loss(answer)
    assert caught.value.hint == "raised"
    assert "leave such targets out" in caught.value.message


def test_pytorchs_warnings_about_habits_are_not_shown(own_progress, recwarn):
    from grooves.checks.transformer import next_word_loss

    def answer(logits, ids, padding):
        warnings.warn(
            "The use of `x.T` on tensors of dimension other than 2 is no good", stacklevel=1
        )
        warnings.warn("The .grad attribute of a Tensor that is not a leaf Tensor", stacklevel=1)
        return logits.sum()

    with pytest.raises(CheckFailed):
        next_word_loss(answer)
    assert not [str(each.message) for each in recwarn]

"""Errors that PyTorch and NumPy raise out of each other's habits are told in one more sentence."""

import numpy as np
import pytest
import torch

from grooves.checks import AnswerRaised, check
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
        (lambda x: torch.maximum(x, 0), "x.clamp(min=0)"),
        (lambda x: x.copy(), "x.clone()"),
        (lambda x: x.astype(float), "x.to(dtype)"),
        (lambda x: torch.exp(2), "use math"),
        (lambda x: np.exp(x.requires_grad_()), "stay in PyTorch"),
        (lambda x: x.transpose(0, 1).view(-1), "use reshape"),
        (lambda x: x[x > 3] @ x, None),
        (lambda x: {}["key"], None),
    ],
)
def test_a_habit_of_the_other_library_is_told(answer, says):
    with pytest.raises(AnswerRaised) as caught:
        used(answer)
    if says is None:
        raised = caught.value.__cause__
        assert habit(f"{type(raised).__name__}: {raised}") is None
    else:
        assert says in caught.value.message.splitlines()[-1]

"""An answer is a function of its arguments: no state outlives a call, nothing given is changed."""

import functools
import random
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from grooves.checks import CheckFailed, check

pytestmark = pytest.mark.usefixtures("own_progress")
CALLED = ([3, 1, 2], [9, 8], [5, 7, 6])


@check(lab="98_again", exercise="ordered", points=1)
def ordered(answer):
    for values in CALLED:
        if list(answer(list(values))) != sorted(values):
            raise CheckFailed("not in order.", hint="unrecognised")


@check(lab="98_again", exercise="doubled", points=1, in_place=True)
def doubled(answer):
    for size in (2, 2, 3):
        x = np.arange(size, dtype=float)
        if not np.array_equal(answer(x.copy()), 2 * x):
            raise CheckFailed("not doubled.", hint="wrong")


def refused(run, answer):
    with pytest.raises(CheckFailed) as caught:
        run(answer)
    return caught.value.hint


@dataclass
class Found:
    values: list


@check(lab="98_again", exercise="network", points=1)
def network(answer):
    torch.nn.init.ones_(answer(2).weight)


@check(lab="98_again", exercise="two_networks", points=1, repeatable=False)
def two_networks(answer):
    answer(2), answer(3)


def remembering(values, seen=[]):  # noqa: B006
    seen.extend(values)
    return sorted(seen)


def counting():
    calls = []

    def answer(values):
        calls.append(1)
        return sorted(values) if len(calls) <= len(CALLED) else []

    return answer


def test_a_memory_that_outlives_a_call_is_named_whether_it_showed_or_not():
    assert refused(ordered, remembering) == "remembers"
    assert refused(ordered, counting()) == "remembers"


def test_an_error_at_a_second_call_is_a_memory_too():
    left = list(CALLED)

    def answer(values):
        left.pop()
        return sorted(values)

    assert refused(ordered, answer) == "remembers"


def test_what_is_given_may_not_be_changed_unless_the_check_allows_it():
    def in_place(values):
        values.sort()
        return values

    def twice_in_place(x):
        x *= 2
        return x

    assert refused(ordered, in_place) == "changed_input"
    doubled(twice_in_place)


def test_results_that_share_an_array_are_refused():
    buffers = {}

    def answer(x):
        buffer = buffers.setdefault(x.size, np.empty(x.size))
        buffer[:] = 2 * x
        return buffer

    def shared(x):
        return np.multiply(x, 2, out=buffers.setdefault("longest", np.empty(3))[: x.size])

    @check(lab="98_again", exercise="scaled", points=1)
    def scaled(answer):
        for start in (1.0, 5.0):
            answer(np.array([start, 2.0]))

    assert refused(scaled, answer) == "overwritten"
    assert refused(scaled, shared) == "overwritten"


def test_an_answer_may_draw_by_itself_where_the_check_says_so():
    def shuffled(values):
        return np.random.default_rng().permutation(values)

    @check(lab="98_again", exercise="in_any_order", points=1, repeatable=False)
    def in_any_order(answer):
        values = np.arange(40.0)
        assert set(answer(values).tolist()) == set(values.tolist())

    in_any_order(shuffled)


@pytest.mark.parametrize(
    "answer",
    [
        sorted,
        lambda values: tuple(sorted(values)),
        lambda values: np.sort(values),
        lambda values: np.sort(values)[::-1].copy()[::-1],
        lambda values: np.sort(values).astype(object),
        lambda values: torch.tensor(values).sort().values,
        lambda values: sorted(values, key=lambda v: (v, random.random())),
    ],
)
def test_an_answer_without_a_memory_is_let_pass(answer):
    ordered(answer)


def test_what_is_drawn_from_a_global_generator_may_differ_from_call_to_call():
    @check(lab="98_again", exercise="noisy", points=1)
    def noisy(answer):
        torch.manual_seed(1)
        answer(torch.zeros(3))
        answer(torch.ones(3))

    before = torch.get_rng_state()
    noisy(lambda x: x + torch.randn(3))
    noisy(lambda x: x + torch.tensor(np.random.normal(size=3)))
    torch.set_rng_state(before)


def test_a_record_is_plain_data_too():
    @check(lab="98_again", exercise="record", points=1)
    def record(answer):
        for values in CALLED:
            assert sorted(values) == sorted(answer(Found(list(values))).values)

    seen = []

    def remembers(found):
        seen.append(found)
        return Found(sorted(found.values, reverse=len(seen) > len(CALLED)))

    def changes(found):
        found.values.sort()
        return found

    record(lambda found: Found(sorted(found.values)))
    assert refused(record, remembers) == "remembers"
    assert refused(record, changes) == "changed_input"


def test_a_network_is_made_anew_in_every_call():
    shared = torch.nn.Parameter(torch.zeros(2, 2))

    def same_parameter(n):
        layer = torch.nn.Linear(n, 2)
        layer.weight = shared
        return layer

    once = functools.cache(lambda n: torch.nn.Linear(n, 2))
    assert refused(network, once) == "made_once"
    assert refused(network, same_parameter) == "made_once"
    assert refused(two_networks, same_parameter) == "made_once"
    network(lambda n: torch.nn.Linear(n, 2))
    two_networks(lambda n: torch.nn.Linear(n, 2))

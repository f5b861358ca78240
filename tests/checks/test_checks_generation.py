"""The checks of lab 8 beyond what `test_checks_labs.py` asks of every lab's."""

import functools
import itertools
import math

import numpy as np
import pytest
import torch
from answers.generation import ANSWERS, grown
from test_checks_labs import refusal as refusal_in

from grooves.checks import CheckFailed, compare
from grooves.checks import generation as check
from grooves.checks.generation import (
    check_beam_search,
    check_best_of_n,
    check_calibration,
    check_challenge,
    check_constrained,
    check_min_p,
    check_pass_at_n,
    check_top_k,
    check_top_p,
    check_truncated_kl,
)
from grooves.checks.generation.teller import Teller
from grooves.inference import sampling
from grooves.inference.calibration import pass_at_k
from grooves.training import lineage

pytestmark = pytest.mark.usefixtures("own_progress")
refusal = functools.partial(refusal_in, ANSWERS.lab)


def asked(exercise):
    """The arguments with which a check calls the answer."""
    inputs = []
    answer = ANSWERS.reference(exercise)

    def noting(*arguments):
        inputs.append(arguments)
        return answer(*arguments)

    getattr(check, exercise)(noting)
    return inputs


# --- yardsticks -------------------------------------------------------------------------------


def test_the_samplers_of_the_checks_are_those_of_the_course():
    for seed in range(5):
        z = compare.draw(seed, 4, 30, scale=2.0)
        for k in (1, 5, 40):
            course = sampling.apply_top_k(z, k).softmax(-1)
            expected = check_top_k.renormalised(z, check_top_k._kept(z, k))
            assert compare.close(course, expected)
        for t, p in itertools.product((0.5, 1.0, 2.0), (0.05, 0.6, 0.95)):
            course = sampling.Sampler(temperature=t, top_p=p).probabilities(z)
            assert compare.close(course, check_top_p.right(z, t, p))
        course = sampling.apply_min_p(z, 0.1).softmax(-1)
        assert compare.close(course, check_min_p.renormalised(z, check_min_p._kept(z, 0.1)))


def test_no_token_is_kept_or_dropped_by_a_rounding():
    for logits, temperature, p in asked("top_p"):
        before = check_top_p._before(logits.double() / temperature)
        exact = logits.unique().numel() == 1 and logits.size(1) == 4  # quarters are exact
        assert p == 1 or exact or ((before - p).abs() > 2e-5).all()
    for logits, ratio in asked("min_p"):
        z = logits.double()
        relative = (z - z.amax(-1, keepdim=True)).exp()
        assert ratio == 1 or ((relative / max(ratio, 1e-9) - 1).abs() > 2e-5).all()


def test_a_wide_beam_finds_the_best_of_all_texts():
    model, length = check_beam_search.model_of(3, 4, -1.0), 4

    def log_p(tokens):
        steps = [model(tokens[:i])[token] for i, token in enumerate((*tokens, 0))]
        return float(sum(steps))

    texts = [t for n in range(length) for t in itertools.product((1, 2, 3), repeat=n)]
    for exponent in (0.0, 0.5, 1.0):
        scores = {text: log_p(text) / (len(text) + 1) ** exponent for text in texts}
        best = max(scores, key=scores.get)
        tokens, score = check_beam_search.search(model, 100, length, exponent)
        assert tuple(tokens) == best and math.isclose(score, scores[best], rel_tol=1e-9)


def test_pass_at_n_is_the_course_s_and_without_bias():
    large = check_pass_at_n.MANY_SUBSETS, *check_pass_at_n.LARGE
    for case in (*check_pass_at_n.CASES, *large):
        assert math.isclose(check_pass_at_n.exact(*case), pass_at_k(*case), abs_tol=1e-12)
    p, drawn, n = 0.3, 9, 4
    chances = [math.comb(drawn, c) * p**c * (1 - p) ** (drawn - c) for c in range(drawn + 1)]
    mean = sum(x * check_pass_at_n.exact(drawn, c, n) for c, x in enumerate(chances))
    assert math.isclose(mean, 1 - (1 - p) ** n, rel_tol=1e-9)


def test_no_choice_of_a_text_hangs_on_a_rounding():
    for log_p, lengths, by in asked("best_of_n"):
        scores = check_best_of_n._scores(log_p, lengths, by)
        ordered = scores.sort(-1, descending=True).values
        if ordered.size(-1) > 1:
            gap = ordered[:, 0] - ordered[:, 1]
            assert ((gap > 1e-4) | (gap == 0)).all()


def test_both_one_and_no_direction_of_the_divergence_is_infinite_somewhere():
    kinds = set()
    for p, q, kept in asked("truncated_kl"):
        r = check_truncated_kl._truncated(q, kept)
        forth, back = check_truncated_kl._both(p, r)
        kinds |= set(zip(forth.isinf().tolist(), back.isinf().tolist(), strict=True))
    assert kinds == set(itertools.product((True, False), repeat=2))


def test_edges_ones_and_empty_bins_are_asked_for():
    edge = one = empty = False
    for confidence, correct, n_bins in asked("calibration"):
        scaled = confidence * n_bins
        inside = scaled[confidence < 1]
        edge |= bool((inside == inside.round()).any())
        one |= bool((confidence == 1).any())
        empty |= bool((check_calibration._table(confidence, correct, n_bins)[:, 0] == 0).any())
        off = (inside - inside.round()).abs()
        assert ((off == 0) | (off > 1e-6)).all()  # nothing is nearly on an edge
    assert edge and one and empty


def test_the_fewest_tokens_to_the_end_are_those_of_the_shortest_text():
    def ends(edges, state, n):
        """Whether a text of exactly n more tokens ends there, tried out."""
        return any(
            n == 1 if token == 0 else n > 1 and ends(edges, after, n - 1)
            for token, after in edges[state].items()
        )

    for edges in check_constrained.GRAMMARS.values():
        for state, need in enumerate(check_constrained.needed(edges)):
            tried = [n for n in range(1, len(edges) + 1) if ends(edges, state, n)]
            assert need == min(tried, default=math.inf)


# --- messages ---------------------------------------------------------------------------------


def test_a_message_about_a_grammar_shows_it_and_the_right_mask():
    def next_only(edges, state, left, n_tokens):
        return np.isin(range(n_tokens), [*edges[state]])

    failure = refusal("constrained", next_only)
    assert str(check_constrained.DIAMOND) in failure.message and "1 token left" in failure.message


def test_the_smallest_case_says_which_of_two_results_it_is_about():
    reference = ANSWERS.reference("calibration")

    def larger(confidence, correct, n_bins):
        table, error = reference(confidence, correct, n_bins)
        return table, 1.7 * error

    message = refusal("calibration", larger).message
    assert "the error must be 0.4852, yours is 0.8249" in message


# --- the challenge ----------------------------------------------------------------------------


def test_shared_beginnings_clear_the_bar_with_room_to_spare_and_new_ones_miss_it():
    for seed in (1, 2):
        stories, varied = check.told(ANSWERS.reference("challenge"), seed=seed)
        assert len(stories) >= check_challenge.BAR + 5
        assert varied > check_challenge.DIVERSITY + 0.05
    stories, varied = check.told(lambda teller: grown(teller, 5, 0, 1, room=110), seed=1)
    assert len(stories) < check_challenge.BAR - 5 and varied > 0.9


def test_stories_that_share_most_of_their_text_are_too_alike():
    stories, varied = check.told(lambda teller: grown(teller, 2, 75, 6, room=50), seed=1)
    assert len(stories) > check_challenge.BAR
    assert varied < check_challenge.DIVERSITY - 0.02


def test_the_advice_is_about_what_costs_most():
    accepted = [(i,) for i in range(60)]
    assert "unlikely where they stand" in check_challenge._advice(accepted, 90, 88)
    assert "returned 90 stories, but only 61 different ones" in check_challenge._advice(
        accepted, 90, 61
    )
    assert "save tokens: 154 of them went into each story" in check_challenge._advice(
        accepted, 65, 65
    )


def test_a_story_counts_once_however_often_it_is_returned(monkeypatch):
    monkeypatch.setattr(check_challenge, "BUDGET", 600)
    once, _ = check.told(lambda teller: grown(teller, 1, 0, 1, room=120), seed=4)
    often, _ = check.told(lambda teller: 3 * grown(teller, 1, 0, 1, room=120), seed=4)
    assert once == often != []


def test_the_race_gives_nothing_for_stories_that_are_too_alike(monkeypatch, capsys):
    def told(_, seed):
        return [1] * seed, 0.5 if seed > 100 else 0.4

    monkeypatch.setattr(check_challenge, "told", told)
    assert check.race(None) == (0 + 101 + 102) / 3
    assert "101 stories, 50%" in capsys.readouterr().out


@pytest.fixture(scope="module")
def model():
    return lineage.short_trained().cpu()


def test_copies_are_free_and_their_own(model):
    teller = Teller(model, 20)
    teller.begin(2)
    teller.read([5, 7])
    teller.select([1, 1, 0])
    assert teller.left == 18 and teller.texts == [[7], [7], [5]]
    teller.read(torch.tensor([1, 2, 3]))
    assert teller.left == 15 and teller.texts == [[7, 1], [7, 2], [5, 3]]
    assert {(5,), (7,), (7, 1), (7, 2), (5, 3)} == teller.written


def test_the_logits_after_a_selection_are_those_of_the_texts(model):
    teller = Teller(model, 100)
    teller.begin(3)
    teller.read([5, 7, 9])
    teller.select([2, 0])
    teller.read([4, 6])
    with torch.inference_mode():
        expected = model(torch.tensor([[0, *text] for text in teller.texts]))[:, -1]
    assert teller.texts == [[9, 4], [5, 6]]
    assert torch.allclose(teller.logits, expected, atol=1e-3)


def test_nothing_is_read_beyond_the_budget(model):
    teller = Teller(model, 5)
    teller.begin(3)
    teller.read([1, 2, 3])
    with pytest.raises(CheckFailed, match="3 tokens were to be read when 2 were left"):
        teller.read([1, 2, 3])
    assert teller.left == 2

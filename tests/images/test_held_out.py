"""Held-out combinations: how many, balanced, and every part still seen."""

from __future__ import annotations

import numpy as np
import pytest

from grooves.images.held_out import (
    ATTRIBUTES,
    COLOURS,
    DIGITS,
    KINDS,
    SHAPE,
    VALUES,
    splits,
)


@pytest.fixture(scope="module")
def held_out():
    return splits()


def test_sixteen_pairs_are_held_out_and_every_colour_and_digit_is_seen(held_out):
    missing = ~held_out.pairs
    assert missing.shape == (len(COLOURS), len(DIGITS)) and missing.sum() == 16
    assert (missing.sum(axis=1) == 2).all()  # of each colour
    assert set(missing.sum(axis=0)) == {1, 2}  # of each digit


def test_a_fifth_of_the_triples_is_held_out_and_every_digit_is_seen_on_each_side(held_out):
    missing = ~held_out.triples
    assert missing.sum() == missing.size / 5 == 40
    assert (missing.sum(axis=1) == 2).all() and (missing.sum(axis=2) == 2).all()


def test_the_kinds_divide_all_scenes_between_them(held_out):
    scenes = {kind: set(map(tuple, held_out.scenes(kind))) for kind in KINDS}
    assert sum(map(len, scenes.values())) == len(set.union(*scenes.values())) == np.prod(SHAPE)
    assert len(held_out.scenes("any")) == 51_200 and len(ATTRIBUTES) == len(VALUES) == 7


def test_a_scene_is_new_as_its_own_pairs_and_triple_say(held_out):
    rng = np.random.default_rng(0)
    for row in rng.integers(0, SHAPE, size=(300, 7)):
        axis, d1, c1, _, d2, c2, _ = row
        pair = not (held_out.pairs[c1, d1] and held_out.pairs[c2, d2])
        triple = not held_out.triples[axis, d1, d2]
        expected = {
            (False, False): "seen",
            (True, False): "new pair",
            (False, True): "new triple",
            (True, True): "both new",
        }[pair, triple]
        assert held_out.kind(row) == expected


def test_every_digit_colour_relation_and_size_occurs_in_seen_scenes(held_out):
    seen = held_out.scenes("seen")
    assert all(set(seen[:, i]) == set(range(n)) for i, n in enumerate(SHAPE))


def test_the_same_seed_holds_out_the_same_and_another_seed_other_combinations(held_out):
    again, other = splits(0), splits(1)
    assert (again.pairs == held_out.pairs).all() and (again.triples == held_out.triples).all()
    assert (other.pairs != held_out.pairs).any() and (other.triples != held_out.triples).any()


def test_an_unknown_kind_is_refused(held_out):
    with pytest.raises(ValueError, match="kind='new' is not one of seen, new pair, new triple"):
        held_out.scenes("new")

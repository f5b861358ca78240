"""Decision boundaries are drawn where the classifier has them."""

import re

import numpy as np

from grooves.plots.boundaries import MARGIN, boundaries

POINTS = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
CLASSES = np.array([0, 1, 1, 0])


def drawn(**scores):
    return boundaries(POINTS, CLASSES, scores, "Two halves", "They differ.").markup


def regions(markup):
    """The coloured areas that are not empty."""
    return re.findall(r'<path d="M[^"]*"[^>]*fill-opacity: 0.18', markup)


def test_each_classifier_has_its_panel_and_both_regions():
    asked = []

    def upper(x):
        asked.append(x)
        return x[:, 1] - 0.5

    markup = drawn(upper=upper, lower=lambda x: 0.5 - x[:, 1], right=lambda x: x[:, 0] - 0.5)
    for name in ("upper", "lower", "right"):
        assert f">{name}</text>" in markup
    plane = np.concatenate(asked)
    assert np.allclose(plane.min(axis=0), -MARGIN) and np.allclose(plane.max(axis=0), 1 + MARGIN)
    assert len(regions(markup)) == 6


def test_a_classifier_with_one_answer_everywhere_has_one_region():
    assert len(regions(drawn(one=lambda x: np.ones(len(x))))) == 1

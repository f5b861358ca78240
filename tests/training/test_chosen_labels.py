"""Clusters are made without labels, and named by one label each."""

import numpy as np
import pytest

from grooves.training.chosen_labels import cluster


def heaps(n_each=20, seed=0):
    """Pictures in three heaps far from each other, and which heap each is from."""
    rng = np.random.default_rng(seed)
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    heap = np.repeat(np.arange(3), n_each)
    return centres[heap] + rng.normal(size=(len(heap), 2)), heap


def test_one_label_names_each_cluster():
    images, heap = heaps()
    found = cluster(images, 3, seed=1)
    assert sorted(heap[found.examples]) == [0, 1, 2]
    elsewhere, truth = heaps(seed=1)
    assert (found.predict(elsewhere, heap + 5) == truth + 5).all()


def test_an_example_is_the_picture_nearest_to_its_centre():
    images, _ = heaps()
    found = cluster(images, 3, seed=1)
    for centre, example in zip(found.groups.cluster_centers_, found.examples, strict=True):
        assert np.argmin(((images - centre) ** 2).sum(axis=1)) == example


@pytest.mark.parametrize("n", [0, 61])
def test_there_are_no_more_clusters_than_pictures(n):
    with pytest.raises(ValueError, match=f"n={n} clusters of 60 pictures"):
        cluster(heaps()[0], n, seed=0)

"""Choosing which pictures get a label: one for each cluster of similar ones.

Key idea: clustering needs no label, but its clusters have no names. The picture nearest to the
centre of each cluster stands for many others, so it is a good one to label; and the labels of these
pictures can either name the clusters or train a network. Chapter 03.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans


@dataclass(frozen=True)
class Clusters:
    """Clusters of pictures, and the picture nearest to each centre."""

    groups: KMeans
    examples: np.ndarray  # (n,) indices, one picture per cluster

    def predict(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Classify each picture by the label of its cluster's example.

        images: (N, P). labels: those of the pictures that were clustered; only the examples' are
        read. Returns: (N,).
        """
        names = np.asarray(labels)[self.examples]  # (n,)
        return names[self.groups.predict(images)]


def cluster(images: np.ndarray, n: int, seed: int) -> Clusters:
    """k-means with n clusters; no label is used.

    images: (N, P). n: number of clusters, and of labels that naming them takes.
    Raises: ValueError where n is not between 1 and the number of pictures.
    Source: Lloyd 1982, Least Squares Quantization in PCM; scikit-learn's implementation.
    """
    if not 1 <= n <= len(images):
        raise ValueError(f"{n=} clusters of {len(images)} pictures: choose 1 to {len(images)}")
    groups = KMeans(n, n_init=4, random_state=seed).fit(images)
    return Clusters(groups, groups.transform(images).argmin(axis=0))

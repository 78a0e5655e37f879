"""From affinities to groups of tasks, a ranking of pairs, and the degrees of sharing that training starts from."""

from collections.abc import Sequence

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform


def ranking(names: Sequence[str], score_TT: np.ndarray) -> list[tuple[str, str, float]]:
    """Every pair with its score, the closest first."""
    pairs = [(a, b, float(score_TT[i, j])) for i, a in enumerate(names) for j, b in enumerate(names) if i < j]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[:2]))


def groups(names: Sequence[str], score_TT: np.ndarray, threshold: float) -> list[list[str]]:
    """Average linkage, cut where the mean score between two groups falls below the threshold."""
    if len(names) == 1:
        return [list(names)]
    distance_TT = (1 - (score_TT + score_TT.T) / 2).clip(0, 2)  # rounding may carry a cosine past 1
    np.fill_diagonal(distance_TT, 0)
    label_T = fcluster(linkage(squareform(distance_TT, checks=False), "average"), 1 - threshold, "distance")
    found = [[name for name, label in zip(names, label_T, strict=True) if label == wanted] for wanted in sorted(set(label_T))]
    return sorted(found, key=lambda group: names.index(group[0]))


def starting_alpha(names: Sequence[str], score_LTT: np.ndarray) -> dict[str, list[float]]:
    """α[t,l] = 1/2 + 1/4 · mean affinity of t with the other tasks at level l: in [1/4, 3/4], so that training can still decide."""
    count = len(names)
    if count == 1:
        return {names[0]: [0.5] * len(score_LTT)}
    others_LT = (score_LTT.sum(2) - score_LTT.diagonal(axis1=1, axis2=2)) / (count - 1)
    return {name: (0.5 + 0.25 * others_LT[:, index]).tolist() for index, name in enumerate(names)}

"""What the measurements say of the tasks, as relatedness.json holds it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from lepton.relatedness.grouping import pairs, partition, ranking


def summary(names: Sequence[str], gain_RFTT: np.ndarray, alike: Mapping[str, np.ndarray], trunks: int | None) -> dict[str, Any]:
    """gain_RFTT: percent that each task gains from each other one, of each division's folds. alike: similarities [T, T].

    Groups, at most `trunks`, are those of largest total gain, each gain less its standard error: a task joins none for what may be
    chance. halves: Spearman's correlation of the pairs' gains in one half of a division's folds with those in the other, the mean
    over divisions; None where it says nothing.
    """
    gain_TT, error_TT = mean_and_error(gain_RFTT)
    groups = partition(gain_TT - error_TT, trunks or len(names))
    return {
        "tasks": list(names),
        "matrices": {name: _plain(matrix) for name, matrix in alike.items()},
        "gain": _plain(gain_TT),
        "error": _plain(error_TT),
        "halves": halves(gain_RFTT),
        "ranking": ranking(names, gain_TT),
        "groups": [[names[task] for task in group] for group in groups],
    }


def mean_and_error(gain_RFTT: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Over divisions and folds, and the standard error of one division's mean [T, T]: divisions share their rows."""
    return gain_RFTT.mean((0, 1)), np.sqrt(gain_RFTT.var(1, ddof=1).mean(0) / gain_RFTT.shape[1])


def halves(gain_RFTT: np.ndarray) -> float | None:
    found = []
    for gain_FTT in gain_RFTT:
        one, other = pairs(gain_FTT[::2].mean(0)), pairs(gain_FTT[1::2].mean(0))
        if len(one) < 3 or min(np.ptp(one), np.ptp(other)) == 0:
            return None
        found.append(float(spearmanr(one, other).statistic))
    return round(float(np.mean(found)), 3)


def _plain(matrix: np.ndarray) -> list[list[float | None]]:
    return [[None if np.isnan(value) else round(float(value), 6) for value in row] for row in matrix]

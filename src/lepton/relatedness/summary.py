"""What the measurements say of the tasks, as relatedness.json holds it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from lepton.relatedness.calibration import SPREAD
from lepton.relatedness.grouping import group_gain, pairs, partition, ranking


def summary(names: Sequence[str], gain_RFTT: np.ndarray, alike: Mapping[str, np.ndarray], trunks: int | None) -> dict[str, Any]:
    """gain_RFTT: percent that each task gains from each other one, of each division's folds. alike: similarities [T, T].

    Groups, at most `trunks`, are those of largest total gain; limited: without that limit they would be others; member: what each
    task gains in its own, with its error. halves:
    Spearman's correlation of the pairs' gains in one half of a division's folds with those in the other, the mean over divisions;
    None where it says nothing.
    """
    gain_TT, error_TT = mean_and_error(gain_RFTT)
    free = partition(gain_TT, len(names))
    groups = partition(gain_TT, trunks) if trunks and len(free) > trunks else free
    member: dict[str, list[float]] = {}
    for group in groups:
        inside_RFG = np.stack([[group_gain(one_TT, group) for one_TT in fold] for fold in gain_RFTT])
        mean_G, error_G = mean_and_error(inside_RFG) if len(group) > 1 else (np.zeros(1), np.zeros(1))
        for task, mean, error in zip(group, mean_G, error_G, strict=True):
            member[names[task]] = [round(float(mean), 6), round(float(error), 6)]
    return {
        "tasks": list(names),
        "matrices": {name: _plain(matrix) for name, matrix in alike.items()},
        "gain": _plain(gain_TT),
        "error": _plain(error_TT),
        "halves": halves(gain_RFTT),
        "ranking": ranking(names, gain_TT),
        "groups": [[names[task] for task in group] for group in groups],
        "limited": groups != free,
        "member": {name: member[name] for name in names},
    }


def mean_and_error(gain_RF: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Over divisions and folds, and its standard deviation: of one division's mean, for divisions share their rows, and of true
    gains around predicted ones.
    """
    sampling = gain_RF.var(1, ddof=1).mean(0) / gain_RF.shape[1]
    return gain_RF.mean((0, 1)), np.sqrt(sampling + SPREAD**2)


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

"""How sure a figure is: paired bootstrap over test rows and seeds, and Student's interval over seeds.

N rows, S seeds, R resamples. A resample of the rows is a weight for each row, the number of times that it was drawn; all methods
get the same, so that what rows have in common cancels.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Interval:
    """An estimate and its central 95 % interval; nan where one seed alone says nothing of it."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.2f}" if np.isnan(self.low) else f"{self.mean:.2f} ({self.low:.2f} … {self.high:.2f})"


def resampled(rows: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Weights of the rows [R + 1, N]; the first are all 1: the test split as it is."""
    drawn_RN = rng.multinomial(rows, np.full(rows, 1 / rows), resamples).astype(np.float32)
    return np.concatenate([np.ones((1, rows), np.float32), drawn_RN])


def accuracy(right_N: np.ndarray, weight_RN: np.ndarray) -> np.ndarray:
    """Share of the rows that are right [R]."""
    return weight_RN @ right_N.astype(np.float32) / weight_RN.sum(1)


def roc_auc(score_N: np.ndarray, positive_N: np.ndarray, weight_RN: np.ndarray) -> np.ndarray:
    """Chance that a positive row scores above a negative one, ties counting half [R] (Hanley & McNeil 1982).

    A resample without rows of both classes tells no score from another: 0.5.
    """
    order = np.argsort(score_N, kind="stable")
    starts = np.flatnonzero(np.diff(score_N[order], prepend=-np.inf))  # of each group of equal scores
    sorted_RN = weight_RN[:, order].astype(float)
    positive_RG = np.add.reduceat(sorted_RN * positive_N[order], starts, 1)
    negative_RG = np.add.reduceat(sorted_RN * ~positive_N[order], starts, 1)
    below_RG = negative_RG.cumsum(1) - negative_RG / 2
    pairs_R = positive_RG.sum(1) * negative_RG.sum(1)
    return np.divide((positive_RG * below_RG).sum(1), pairs_R, out=np.full(len(pairs_R), 0.5), where=pairs_R > 0)


def over_rows_and_seeds(value_SR: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mean over the seeds [R]: of all of them for the split as it is, of as many drawn ones for each of its resamples."""
    seeds, resamples = value_SR.shape
    drawn_SR = rng.integers(seeds, size=(seeds, resamples))
    drawn_SR[:, 0] = np.arange(seeds)
    return np.take_along_axis(value_SR, drawn_SR, 0).mean(0)


def bootstrap(value_R: np.ndarray) -> Interval:
    """The first value, of the split as it is, with the quantiles of the others."""
    low, high = np.quantile(value_R[1:], [0.025, 0.975])
    return Interval(float(value_R[0]), float(low), float(high))


def student(value_S: np.ndarray, level: float = 0.95) -> Interval:
    """Mean over seeds, and where it lies with a confidence of `level` if seeds scatter like a normal distribution."""
    mean, count = float(np.mean(value_S)), len(value_S)
    if count < 2:
        return Interval(mean, float("nan"), float("nan"))
    reach = float(stats.t.ppf((1 + level) / 2, count - 1) * np.std(value_S, ddof=1) / np.sqrt(count))
    return Interval(mean, mean - reach, mean + reach)

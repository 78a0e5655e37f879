"""How well a score puts rows that are over rows that are not: ROC-AUC and average precision, on any choice of rows.

Rows are sorted once; a choice of rows is a weight for each, so that a bootstrap costs one pass over sorted arrays.
"""

from collections.abc import Iterable

import numpy as np

CHANCE = 0.5  # ROC-AUC of a score that says nothing


class Ranking:
    """One score and one truth of N rows. Rows of equal score are one step; what is said of a step holds for all of its rows."""

    def __init__(self, score_N: np.ndarray, true_N: np.ndarray):
        self.order = np.argsort(-score_N, kind="stable")
        self.true_N = true_N[self.order].astype(np.float64)
        falling_N = score_N[self.order]
        self.first_S = np.flatnonzero(np.append(True, falling_N[1:] != falling_N[:-1]))

    def _steps(self, weight_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weight of the rows that are, and of those that are not, in each step."""
        weight_N = weight_N[self.order]
        yes_S = np.add.reduceat(weight_N * self.true_N, self.first_S)
        return yes_S, np.add.reduceat(weight_N, self.first_S) - yes_S

    def roc_auc(self, weight_N: np.ndarray) -> float:
        """Chance that a row that is scores above one that is not, half for equal scores (Mann-Whitney); nan without both."""
        yes_S, no_S = self._steps(weight_N)
        pairs = yes_S.sum() * no_S.sum()
        below_S = no_S.sum() - no_S.cumsum()
        return float(yes_S @ (below_S + no_S / 2) / pairs) if pairs > 0 else np.nan

    def average_precision(self, weight_N: np.ndarray) -> float:
        """Precision at each step, averaged by the recall that it adds; nan where no row is."""
        yes_S, no_S = self._steps(weight_N)
        precision_S = yes_S.cumsum() / (yes_S + no_S).cumsum().clip(min=1e-12)
        return float(yes_S @ precision_S / yes_S.sum()) if yes_S.sum() > 0 else np.nan


def macro(values: Iterable[float], otherwise: float) -> float:
    """Mean of those that are known; `otherwise` where none is."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else otherwise


def weights(rows: np.ndarray | None, count: int) -> np.ndarray:
    """How often each of `count` rows is chosen; None: all once."""
    return np.ones(count) if rows is None else np.bincount(rows, minlength=count).astype(np.float64)

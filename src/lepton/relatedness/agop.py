"""What one task's features would bring another, predicted in closed form from the average gradient outer product (AGOP).

The first layers of a trained network come to project onto the directions along which its output changes: the square root of its
AGOP (Radhakrishnan et al. 2024, Science 383, arXiv 2212.13881). A ridge regression W of a task's labels on fixed features φ of the
samples has the AGOP W Wᵀ, so one step of learning makes of φ the features Uᵀ φ with U Uᵀ = (W Wᵀ)^½, and a trunk that a and b share
learns those of both. What b brings a is the share of a's error, on held-out rows, that goes away when a is predicted from the
features of both instead of from its own alone. Nothing is trained, so no seed blurs the answer; tasks may lie on disjoint rows;
sums over each task's rows are all that is kept, and any group of tasks can be asked about afterwards.

N rows, D features, K label columns of a task, F folds, T tasks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RIDGES = 10.0 ** np.arange(-6, 4.1, 0.25)  # in units of the features' mean square norm; the last ones say nothing but the mean
LEAST = 4  # labelled rows of each fold, below which nothing is predicted


@dataclass(frozen=True)
class Moments:
    """Sums over a task's labelled rows, per fold: their number, of φ, of y, and of their products; of y², over all columns."""

    n_F: np.ndarray
    x_FD: np.ndarray
    y_FK: np.ndarray
    xx_FDD: np.ndarray
    xy_FDK: np.ndarray
    yy_F: np.ndarray

    @property
    def enough(self) -> bool:
        return bool(self.n_F.min() >= LEAST) and self.yy_F.sum() > 0


@dataclass(frozen=True)
class Rows:
    """Second moments of some rows around the mean of the training rows: of φ [D, D], of φ with y [D, K], of y."""

    xx_DD: np.ndarray
    xy_DK: np.ndarray
    yy: float

    def seen_through(self, features_DU: np.ndarray) -> "Rows":
        """Of features that are linear in φ."""
        return Rows(features_DU.T @ self.xx_DD @ features_DU, features_DU.T @ self.xy_DK, self.yy)

    def error(self, weights_DK: np.ndarray) -> float:
        """Share of y's variance that φ W leaves."""
        explained = 2 * (weights_DK * self.xy_DK).sum() - ((self.xx_DD @ weights_DK) * weights_DK).sum()
        return float(1 - explained / self.yy) if self.yy > 0 else 1.0


def moments(features_ND: np.ndarray, labels_NK: np.ndarray, present_N: np.ndarray, fold_N: np.ndarray) -> Moments:
    """fold_N: of every row, alike for all tasks, so that no task shows another one's held-out rows."""
    parts = []
    for fold in range(int(fold_N.max()) + 1):
        rows = np.flatnonzero(present_N & (fold_N == fold))
        x, y = features_ND[rows], labels_NK[rows].astype(float)
        parts.append((len(rows), x.sum(0), y.sum(0), x.T @ x, x.T @ y, (y**2).sum()))
    return Moments(*(np.stack(part) for part in zip(*parts, strict=True)))


def divided(task: Moments, fold: int) -> tuple[Rows, Rows]:
    """The rows of all other folds, and those of the fold."""
    held = [array[fold] for array in vars(task).values()]
    train = [array.sum(0) - part for array, part in zip(vars(task).values(), held, strict=True)]
    mean_D, mean_K = train[1] / train[0], train[2] / train[0]

    def around(n: float, x_D: np.ndarray, y_K: np.ndarray, xx_DD: np.ndarray, xy_DK: np.ndarray, yy: float) -> Rows:
        x_D, y_K = x_D / n, y_K / n
        cross_DD = np.outer(mean_D, x_D)
        xx_DD = xx_DD / n - cross_DD - cross_DD.T + np.outer(mean_D, mean_D)
        xy_DK = xy_DK / n - np.outer(mean_D, y_K) - np.outer(x_D, mean_K) + np.outer(mean_D, mean_K)
        return Rows(xx_DD, xy_DK, float(yy / n - 2 * mean_K @ y_K + mean_K @ mean_K))

    return around(*train), around(*held)


def ridges(train: Rows, held: Rows) -> tuple[list[np.ndarray], np.ndarray]:
    """Weights [D, K] at each of R strengths of the ridge, and their errors on the held-out rows [R]."""
    value_D, vector_DD = np.linalg.eigh(train.xx_DD)
    turned_DK = vector_DD.T @ train.xy_DK
    path = [vector_DD @ (turned_DK / (np.maximum(value_D, 0) + one)[:, None]) for one in RIDGES]
    return path, np.array([held.error(weights) for weights in path])


def learned(weights_DK: np.ndarray) -> np.ndarray:
    """U [D, at most K], of norm 1: the directions of the features that one step of learning makes, none of weight 0."""
    left_DU, size_U, _ = np.linalg.svd(weights_DK, full_matrices=False)
    kept = size_U > 1e-6 * max(size_U[0], 1e-30)
    features_DU = left_DU[:, kept] * np.sqrt(size_U[kept])
    return features_DU / max(np.linalg.norm(features_DU), 1e-30)


@dataclass(frozen=True)
class Learner:
    """A task's rows, and the features that it learns from those of all other folds; one of each per fold."""

    rows: list[tuple[Rows, Rows]]
    own: list[np.ndarray]

    @classmethod
    def of(cls, task: Moments) -> "Learner":
        rows = [divided(task, fold) for fold in range(len(task.n_F))]
        paths = [ridges(*pair) for pair in rows]
        best = np.mean([errors for _, errors in paths], axis=0).argmin()
        return cls(rows, [learned(path[best]) for path, _ in paths])

    def error(self, others: Sequence["Learner"] = ()) -> np.ndarray:
        """Share of its variance that is left on held-out rows with its own features and those of others, all of equal norm [F].

        At the strength of the ridge that does best on all folds together.
        """
        scale, found = np.sqrt(1 + len(others)), []
        for fold, pair in enumerate(self.rows):
            features_DU = np.concatenate([self.own[fold], *(other.own[fold] for other in others)], 1) / scale
            found.append(ridges(*(part.seen_through(features_DU) for part in pair))[1])
        error_FR = np.stack(found)
        return error_FR[:, error_FR.mean(0).argmin()]


def gains(tasks: Mapping[str, Moments]) -> np.ndarray:
    """What every task gains from every other [F, T, T], of each fold: [a, b] is the share of a's error that b takes away.

    0 for tasks with too few labels to say.
    """
    folds = len(next(iter(tasks.values())).n_F)
    learners = {number: Learner.of(task) for number, task in enumerate(tasks.values()) if task.enough}
    found_FTT = np.zeros((folds, len(tasks), len(tasks)))
    for a, learner in learners.items():
        alone_F = learner.error()
        for b, other in learners.items():
            if a != b:
                found_FTT[:, a, b] = 1 - learner.error([other]) / alone_F
    return found_FTT

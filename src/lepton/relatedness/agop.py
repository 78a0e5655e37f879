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
from scipy.stats import norm

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
    """Second moments of some rows around the mean of the training rows: of φ [..., D, D], of φ with y [..., D, K], of y."""

    xx_DD: np.ndarray
    xy_DK: np.ndarray
    yy: float

    def seen_through(self, features_DU: np.ndarray) -> "Rows":
        """Of features that are linear in φ."""
        turned_UD = features_DU.swapaxes(-1, -2)
        return Rows(turned_UD @ self.xx_DD @ features_DU, turned_UD @ self.xy_DK, self.yy)

    def some(self, chosen_BU: np.ndarray, scale: float) -> "Rows":
        """Of several choices of the features, times `scale`, at once: [B, U, U] and [B, U, K]."""
        xx_BUU = self.xx_DD[chosen_BU[:, :, None], chosen_BU[:, None, :]]
        return Rows(scale**2 * xx_BUU, scale * self.xy_DK[chosen_BU], self.yy)


def moments(
    features_ND: np.ndarray, labels_NK: np.ndarray, present_N: np.ndarray, fold_N: np.ndarray, alike: Moments | None = None
) -> Moments:
    """fold_N: of every row, alike for all tasks, so that no task shows another one's held-out rows.

    alike: of a task on the same rows, whose sums of φ are the same.
    """
    parts = []
    for fold in range(int(fold_N.max()) + 1):
        rows = np.flatnonzero(present_N & (fold_N == fold))
        x, y = features_ND[rows], labels_NK[rows].astype(float)
        parts.append((len(rows), x.sum(0), y.sum(0), x.T @ x if alike is None else alike.xx_FDD[fold], x.T @ y, (y**2).sum()))
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


@dataclass(frozen=True)
class Path:
    """Ridge regressions of every strength on the same rows, as eigenvectors. error_R: share of held-out variance that each leaves.

    All with the leading axes of the rows.
    """

    value_D: np.ndarray
    vector_DD: np.ndarray
    turned_DK: np.ndarray
    error_R: np.ndarray

    @classmethod
    def of(cls, train: Rows, held: Rows) -> "Path":
        value_D, vector_DD = np.linalg.eigh(train.xx_DD)
        value_D = np.maximum(value_D, 0)
        turned_DK = vector_DD.swapaxes(-1, -2) @ train.xy_DK
        if held.yy <= 0:
            return cls(value_D, vector_DD, turned_DK, np.ones((*value_D.shape[:-1], len(RIDGES))))
        weight_RDK = turned_DK[..., None, :, :] / (value_D[..., None, :] + RIDGES[:, None])[..., None]
        seen = held.seen_through(vector_DD)
        left_RDK = 2 * seen.xy_DK[..., None, :, :] - seen.xx_DD[..., None, :, :] @ weight_RDK
        return cls(value_D, vector_DD, turned_DK, 1 - (left_RDK * weight_RDK).sum((-1, -2)) / held.yy)

    def weights(self, strength: int) -> np.ndarray:
        """[D, K] at one of RIDGES."""
        return self.vector_DD @ (self.turned_DK / (self.value_D + RIDGES[strength])[:, None])


def learned(weights_DK: np.ndarray) -> np.ndarray:
    """U [D, at most K], of norm 1: the directions of the features that one step of learning makes, none of weight 0."""
    left_DU, size_U, _ = np.linalg.svd(weights_DK, full_matrices=False)
    kept = size_U > 1e-6 * max(size_U[0], 1e-30)
    features_DU = left_DU[:, kept] * np.sqrt(size_U[kept])
    return features_DU / max(np.linalg.norm(features_DU), 1e-30)


def own_features(rows: Sequence[tuple[Rows, Rows]]) -> tuple[list[np.ndarray], float]:
    """The features that a task learns from the rows of all other folds, of every fold; and how sure it is that it learns any.

    In [0, 1]: 1 − p that the folds' explained shares of held-out variance have a mean above 0 by chance, two-sided.
    """
    paths = [Path.of(*pair) for pair in rows]
    error_FR = np.stack([path.error_R for path in paths])
    best = int(error_FR.mean(0).argmin())
    explained_F = 1 - error_FR[:, best]
    error = max(float(explained_F.std(ddof=1)) / np.sqrt(len(rows)), 1e-12)
    sure = 2 * float(norm.cdf(explained_F.mean() / error)) - 1
    return [learned(path.weights(best)) for path in paths], max(0.0, sure)


def errors(rows: tuple[Rows, Rows], own: Sequence[np.ndarray], task: int) -> np.ndarray:
    """Share of a task's variance that is left on held-out rows with its own features and those of each other, of equal norm [T].

    [task]: with its own alone. At the strength of the ridge that does best: optimistic, and alike for any features, so that no
    comparison turns on which strength two of them happen to get.
    """
    ends = np.cumsum([one.shape[1] for one in own])
    columns = [np.arange(end - one.shape[1], end) for one, end in zip(own, ends, strict=True)]
    train, held = (part.seen_through(np.concatenate(own, 1)) for part in rows)
    found_T = np.empty(len(own))
    alone = columns[task][None]
    found_T[task] = Path.of(train.some(alone, 1.0), held.some(alone, 1.0)).error_R.min()
    for width in {len(one) for one in columns}:
        others = [other for other, one in enumerate(columns) if len(one) == width and other != task]
        if others:
            chosen_BU = np.stack([np.concatenate([columns[task], columns[other]]) for other in others])
            both = train.some(chosen_BU, np.sqrt(0.5)), held.some(chosen_BU, np.sqrt(0.5))
            found_T[others] = Path.of(*both).error_R.min(1)
    return found_T


def gains(tasks: Mapping[str, Moments]) -> tuple[np.ndarray, np.ndarray]:
    """What the features of every other task would bring each one [F, T, T], of each fold; how sure each is that it learns any [T].

    [a, b] is the share of a's error that b takes away, as far as a is sure. nan and 0 for tasks with too few labels to say.
    """
    folds = len(next(iter(tasks.values())).n_F)
    found_FTT, sure_T = np.zeros((folds, len(tasks), len(tasks))), np.full(len(tasks), np.nan)
    known = [number for number, task in enumerate(tasks.values()) if task.enough]
    rows = {number: [divided(task, fold) for fold in range(folds)] for number, task in enumerate(tasks.values()) if task.enough}
    own = {number: own_features(rows[number]) for number in known}
    sure_T[known] = [own[number][1] for number in known]
    for fold in range(folds):
        features = [own[number][0][fold] for number in known]
        for place, number in enumerate(known):
            error_T = errors(rows[number][fold], features, place)
            found_FTT[fold, number, known] = sure_T[number] * (1 - error_T / error_T[place])
    return found_FTT, sure_T

"""What sharing gained: Δ of each task against its single-task model, and their mean Δm, with paired bootstrap intervals.

Δm (Maninis et al. 2019, eq. 4): the mean over tasks of the signed relative change of each task's own metric; positive is better.
Rows are resampled once per draw and every model is measured on the same rows, so that what rows have in common cancels.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lepton.tasks.base import BaseTask, Evidence


@dataclass(frozen=True)
class Interval:
    """An estimate and its central 95 % interval; percent."""

    mean: float
    low: float
    high: float


def delta_percent(value: float, reference: float, higher_is_better: bool) -> float:
    """Signed relative change in percent."""
    change = 100 * (value - reference) / max(abs(reference), 1e-9)
    return change if higher_is_better else -change


def bootstrap(
    tasks: Mapping[str, BaseTask],
    ours: Mapping[str, Evidence],
    single: Mapping[str, Evidence],
    resamples: int,
    *,
    rng: np.random.Generator,
) -> tuple[dict[str, Interval], Interval]:
    """Δ of each task and Δm. ours and single hold evidence on the same rows of the same split."""
    draws: dict[str, np.ndarray] = {}
    points: dict[str, float] = {}
    for name, one in ours.items():
        task, other = tasks[name], single[name]
        count = len(one.rows())
        better = task.higher_is_better
        points[name] = delta_percent(one.measure()[task.metric], other.measure()[task.metric], better)
        values = []
        for _ in range(resamples):
            rows = rng.integers(0, count, count)
            values.append(delta_percent(one.measure(rows)[task.metric], other.measure(rows)[task.metric], better))
        draws[name] = np.array(values)
    mean_draws = np.mean(list(draws.values()), axis=0)

    def interval(point: float, values: np.ndarray) -> Interval:
        low, high = np.quantile(values, [0.025, 0.975])
        return Interval(point, float(low), float(high))

    per_task = {name: interval(points[name], draws[name]) for name in ours}
    return per_task, interval(float(np.mean(list(points.values()))), mean_draws)

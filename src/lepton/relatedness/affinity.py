"""Gradient affinity: do two tasks want to move the shared features the same way?

The gradients are those that every training step computes anyway (`lepton.training.step`), averaged over steps before the cosine, so
that tasks labelled on disjoint rows compare. Every level counts the same, whatever the size of its gradients.

Young heads have much in common whatever their labels: even a task of pure chance pulls the trunk like the others. To tell who is
related to whom, what all tasks share, the mean of their directions, is taken out first.
"""

from collections.abc import Sequence

import numpy as np

from lepton.relatedness.similarity import cosine


def affinity(grad_TP: np.ndarray, trunk: Sequence[int]) -> np.ndarray:
    """Cosine of the tasks' mean gradients [L, T, T], per level; trunk: channels of each."""
    return np.stack([cosine(part) for part in levels(grad_TP, trunk)])


def apart(grad_TP: np.ndarray, trunk: Sequence[int]) -> np.ndarray:
    """Cosine of what each task's gradient has of its own [L, T, T]."""
    return np.stack([cosine(own(part)) for part in levels(grad_TP, trunk)])


def levels(grad_TP: np.ndarray, trunk: Sequence[int]) -> list[np.ndarray]:
    """The gradients at a scale, or a scale and a shift, of every channel, of one trunk or of several, level by level."""
    each = grad_TP.shape[1] // sum(trunk)
    return np.split(grad_TP, each * np.cumsum(trunk)[:-1], axis=1)


def own(grad_TP: np.ndarray) -> np.ndarray:
    """Directions, each of norm 1 (or 0), less their mean.

    Of fewer than three tasks nothing is taken out: two deviate from their mean in opposite directions, always.
    """
    unit_TP = grad_TP / np.linalg.norm(grad_TP, axis=1, keepdims=True).clip(min=1e-30)
    return unit_TP - unit_TP.mean(0) if len(unit_TP) > 2 else unit_TP

"""Gradient affinity: do two tasks want to move the shared features the same way?

The gradients are those that every training step computes anyway (`lepton.training.step`), averaged over steps before the cosine, so
that tasks labelled on disjoint rows compare. Every level counts the same, whatever the size of its gradients.
"""

from collections.abc import Sequence

import numpy as np

from lepton.relatedness.similarity import cosine


def affinity(grad_TP: np.ndarray, widths: Sequence[int]) -> np.ndarray:
    """Cosine of the tasks' mean gradients [L, T, T], per level; widths: P of each level."""
    return np.stack([cosine(part) for part in np.split(grad_TP, np.cumsum(widths)[:-1], axis=1)])

"""How alike two tasks see the same samples: representational similarity (Kriegeskorte et al. 2008).

Features of different tasks have no common axes, so they are compared through the samples: the cosine of every pair of samples in
one task's features, against the same in the other's. Compared by cosine or by Pearson's correlation, as in the articles.
"""

import numpy as np


def sample_similarity(features_ND: np.ndarray) -> np.ndarray:
    """Cosine of every pair of samples [N (N - 1) / 2], features centred."""
    centred = features_ND - features_ND.mean(0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True).clip(min=1e-12)
    return (unit @ unit.T)[np.triu_indices(len(unit), 1)]


def cosine(patterns_TP: np.ndarray) -> np.ndarray:
    """Cosine of every pair of rows [T, T]; 0 with a row of zeros."""
    unit = patterns_TP / np.linalg.norm(patterns_TP, axis=1, keepdims=True).clip(min=1e-12)
    return unit @ unit.T


def pearson(patterns_TP: np.ndarray) -> np.ndarray:
    """Pearson's correlation of every pair of rows [T, T]."""
    return cosine(patterns_TP - patterns_TP.mean(1, keepdims=True))

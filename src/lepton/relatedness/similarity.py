"""How alike two tasks see the same samples: representational similarity (Kriegeskorte et al. 2008).

Features of different tasks have no common axes, so they are compared through the samples: the cosine of every pair of samples in
one task's features, against the same in the other's. Compared by cosine or by Pearson's correlation, as in the articles.
"""

from collections.abc import Sequence

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


def compared(features: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Each measure's T × T similarities of the tasks' features of the same samples, per task [N, D]."""
    patterns_TP = np.stack([sample_similarity(one) for one in features])
    cka_TT = np.array([[cka(one, other) for other in features] for one in features])
    return {"cosine": cosine(patterns_TP), "pearson": pearson(patterns_TP), "cka": cka_TT}


def cka(one_ND: np.ndarray, other_NE: np.ndarray) -> float:
    """Linear centred kernel alignment of two descriptions of the same samples (Kornblith et al. 2019, arXiv 1905.00414).

    With the unbiased estimate of HSIC (Song et al. 2012, eq. 5), so that descriptions without relation come out near 0 however many
    columns they have. 1: alike but for turns and scale; 0 with a description that is the same for all samples.
    """
    scale = _hsic(one_ND, one_ND) * _hsic(other_NE, other_NE)
    return _hsic(one_ND, other_NE) / np.sqrt(scale) if scale > 0 else 0.0


def _hsic(one_ND: np.ndarray, other_NE: np.ndarray) -> float:
    """n (n − 3) times the unbiased estimate, of linear kernels whose diagonals are taken out, without any N × N matrix."""
    a, b, n = one_ND - one_ND.mean(0), other_NE - other_NE.mean(0), len(one_ND)
    diagonal_a, diagonal_b = (a**2).sum(1), (b**2).sum(1)
    rows_a, rows_b = -diagonal_a, -diagonal_b  # centred: the sum of a row of the kernel is 0
    trace = ((a.T @ b) ** 2).sum() - diagonal_a @ diagonal_b
    return float(trace + rows_a.sum() * rows_b.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (rows_a @ rows_b))


def label_correlation(described: Sequence[np.ndarray], present: Sequence[np.ndarray], least: int = 20) -> np.ndarray:
    """How much two tasks' labels say of each other, on the rows that carry both: √CKA [T, T], of two numbers Pearson's |r|.

    described: per task [N, D], whatever it has on rows without a label. present: [N] bool. nan with fewer than `least` common rows.
    """
    found_TT = np.eye(len(described))
    for one in range(len(described)):
        for other in range(one):
            both = present[one] & present[other]
            alike = np.nan if both.sum() < least else np.sqrt(max(0.0, cka(described[one][both], described[other][both])))
            found_TT[one, other] = found_TT[other, one] = alike
    return found_TT

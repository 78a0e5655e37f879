"""Promises of similarity."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr

from lepton.relatedness.similarity import cosine, pearson, sample_similarity

seeds = st.integers(0, 10**6)


def patterns(seed: int, rows: int = 5, width: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, width)) + 0.3


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_cosine_is_that_of_numpy(seed: int) -> None:
    rows = patterns(seed)
    expected = [[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in rows] for a in rows]
    np.testing.assert_allclose(cosine(rows), expected, atol=1e-12)


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_pearson_is_that_of_scipy(seed: int) -> None:
    rows = patterns(seed)
    np.testing.assert_allclose(pearson(rows), [[pearsonr(a, b).statistic for b in rows] for a in rows], atol=1e-12)
    np.testing.assert_allclose(pearson(rows), np.corrcoef(rows), atol=1e-12)


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_samples_are_compared_by_cosine_of_centred_features(seed: int) -> None:
    features = patterns(seed, rows=8, width=3)
    np.testing.assert_allclose(sample_similarity(features), 1 - pdist(features - features.mean(0), "cosine"), atol=1e-9)


def test_features_of_other_axes_and_sizes_compare_through_the_samples() -> None:
    """Turned, scaled, shifted or repeated features see the samples alike."""
    features = patterns(0, rows=8, width=3)
    turn, _ = np.linalg.qr(patterns(1, 3, 3))
    for other in (features @ turn, 7 * features, features + 4, np.repeat(features, 2, axis=1)):
        np.testing.assert_allclose(sample_similarity(other), sample_similarity(features), atol=1e-9)


def test_nothing_has_no_direction() -> None:
    rows = np.array([[1.0, 2.0], [0.0, 0.0]])
    np.testing.assert_allclose(cosine(rows), [[1, 0], [0, 0]], atol=1e-12)
    assert np.isfinite(sample_similarity(np.ones((4, 2)))).all()

"""Promises of similarity."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr

from lepton.relatedness.similarity import cka, cosine, label_correlation, pearson, sample_similarity

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


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_cka_is_that_of_the_kernels(seed: int) -> None:
    """Song et al. 2012, eq. 5, with N × N kernels."""
    one, other = patterns(seed, 12, 3), patterns(seed + 1, 12, 5)

    def hsic(a: np.ndarray, b: np.ndarray) -> float:
        k, m, n, ones = a @ a.T, b @ b.T, len(a), np.ones(len(a))
        np.fill_diagonal(k, 0)
        np.fill_diagonal(m, 0)
        return np.trace(k @ m) + (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2)) - 2 / (n - 2) * ones @ k @ m @ ones

    expected = hsic(one, other) / np.sqrt(hsic(one, one) * hsic(other, other))
    assert cka(one, other) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_cka_does_not_see_turns_scales_and_shifts(seed: int) -> None:
    features = patterns(seed, rows=20, width=3)
    turn, _ = np.linalg.qr(patterns(seed + 1, 3, 3))
    assert cka(features, 7 * features @ turn + 4) == pytest.approx(1)
    assert cka(features, np.ones((20, 2))) == 0


def test_unrelated_features_have_a_cka_around_0_however_many_they_are() -> None:
    found = [cka(*np.random.default_rng(seed).normal(size=(2, 40, 30))) for seed in range(40)]
    assert abs(np.mean(found)) < 0.03


def test_label_correlation_of_two_numbers_is_pearsons_on_the_common_rows() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=(4000, 1))
    second = rng.normal(size=(4000, 1)) - 0.5 * first
    present = [np.ones(4000, bool), np.arange(4000) < 3000]
    second[3000:] = np.nan
    expected = abs(pearsonr(first[:3000, 0], second[:3000, 0]).statistic)
    assert label_correlation([first, second], present)[0, 1] == pytest.approx(expected, abs=0.01)


def test_label_correlation_finds_the_same_classes_under_other_names_and_none_by_chance() -> None:
    rng = np.random.default_rng(0)
    names = rng.integers(5, size=600)
    described = [np.eye(5)[names], np.eye(5)[(names + 2) % 5], np.eye(5)[rng.integers(5, size=600)]]
    found = label_correlation(described, [np.ones(600, bool)] * 3)
    assert found[0, 1] == pytest.approx(1)
    assert found[0, 2] < 0.1
    np.testing.assert_array_equal(found, found.T)


def test_label_correlation_of_disjoint_rows_is_not_known() -> None:
    half = np.arange(100) < 50
    found = label_correlation([np.ones((100, 1)), np.ones((100, 1))], [half, ~half])
    assert np.isnan(found[0, 1])
    assert found[0, 0] == 1

"""Promises of intervals: resampling is repeating rows, and certainty grows with agreement."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from benchmarks import intervals


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_first_resample_is_the_split_itself_and_all_have_its_size() -> None:
    weight_RN = intervals.resampled(50, 20, rng())
    assert weight_RN.shape == (21, 50)
    assert (weight_RN[0] == 1).all()
    assert (weight_RN.sum(1) == 50).all()
    assert weight_RN[1:].max() > 1


@given(seed=st.integers(0, 100), ties=st.booleans())
@settings(max_examples=30, deadline=None)
def test_roc_auc_is_that_of_scikit_learn_on_repeated_rows(seed: int, ties: bool) -> None:
    random = rng(seed)
    score_N = random.integers(4, size=40) / 4 if ties else random.random(40)
    positive_N = np.arange(40) % 3 == 0
    weight_RN = intervals.resampled(40, 3, random)
    for value, weight_N in zip(intervals.roc_auc(score_N, positive_N, weight_RN), weight_RN, strict=True):
        rows = np.repeat(np.arange(40), weight_N.astype(int))
        assert value == pytest.approx(roc_auc_score(positive_N[rows], score_N[rows]), abs=1e-6)


def test_a_resample_of_one_class_tells_no_score_from_another() -> None:
    value_R = intervals.roc_auc(np.array([0.1, 0.9]), np.array([False, True]), np.array([[1.0, 1.0], [0.0, 2.0]]))
    assert value_R.tolist() == [1.0, 0.5]


def test_accuracy_is_that_of_repeated_rows() -> None:
    right_N = np.array([True, False, True])
    weight_RN = np.array([[1, 1, 1], [0, 3, 0], [2, 1, 0]], np.float32)
    assert intervals.accuracy(right_N, weight_RN) == pytest.approx([2 / 3, 0, 2 / 3])


def test_the_split_as_it_is_counts_every_seed_once() -> None:
    value_SR = rng().random((3, 200))
    mean_R = intervals.over_rows_and_seeds(value_SR, rng())
    assert mean_R[0] == pytest.approx(value_SR[:, 0].mean())
    assert (mean_R >= value_SR.min(0) - 1e-9).all()
    assert (mean_R <= value_SR.max(0) + 1e-9).all()


def test_seeds_that_disagree_widen_the_interval() -> None:
    alike, apart = np.full((4, 400), 0.5), np.repeat([[0.4], [0.6], [0.4], [0.6]], 400, 1)
    narrow, wide = (intervals.bootstrap(intervals.over_rows_and_seeds(one, rng())) for one in (alike, apart))
    assert narrow.low == narrow.high == narrow.mean == 0.5
    assert wide.low < 0.5 < wide.high


def test_students_interval_is_scipys() -> None:
    values = np.array([1.0, 2.0, 4.0, 3.5])
    one = intervals.student(values)
    assert (one.low, one.high) == pytest.approx(stats.t.interval(0.95, 3, values.mean(), stats.sem(values)))
    assert intervals.student(values, 0.99).low < one.low


def test_one_seed_has_a_mean_and_no_interval() -> None:
    one = intervals.student(np.array([2.5]))
    assert one.mean == 2.5
    assert np.isnan([one.low, one.high]).all()
    assert str(one) == "2.50"
    assert str(intervals.student(np.array([2.0, 3.0]))) == "2.50 (-3.85 … 8.85)"

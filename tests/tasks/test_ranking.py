"""Promises of ROC-AUC and average precision on any choice of rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from lepton.tasks.ranking import Ranking, macro, weights


@given(seed=st.integers(0, 10**6), rows=st.integers(2, 60), steps=st.sampled_from([3, 10, 10**6]))
@settings(max_examples=60, deadline=None)
def test_both_are_those_of_scikit_learn_with_ties_and_repeated_rows(seed: int, rows: int, steps: int) -> None:
    random = np.random.default_rng(seed)
    score, true = random.integers(steps, size=rows) / steps, random.random(rows) < 0.4
    true[:2] = True, False
    chosen = random.integers(rows, size=rows)
    ranking = Ranking(score, true)
    for part in (None, np.append(chosen, [0, 1])):
        weight, rest = weights(part, rows), slice(None) if part is None else part
        assert ranking.roc_auc(weight) == pytest.approx(roc_auc_score(true[rest], score[rest]), abs=1e-12)
        assert ranking.average_precision(weight) == pytest.approx(average_precision_score(true[rest], score[rest]), abs=1e-12)


def test_turning_the_score_round_turns_the_area_round() -> None:
    random = np.random.default_rng(0)
    score, true, weight = random.random(30).round(1), random.random(30) < 0.5, random.integers(0, 3, 30).astype(float)
    assert Ranking(score, true).roc_auc(weight) == pytest.approx(1 - Ranking(-score, true).roc_auc(weight))
    assert Ranking(np.ones(30), true).roc_auc(weight) == 0.5


def test_what_rows_cannot_tell_is_not_known_and_leaves_the_mean_alone() -> None:
    only = Ranking(np.array([0.1, 0.9]), np.array([True, True]))
    none = Ranking(np.array([0.1, 0.9]), np.array([False, False]))
    assert np.isnan([only.roc_auc(np.ones(2)), none.roc_auc(np.ones(2)), none.average_precision(np.ones(2))]).all()
    assert only.average_precision(np.ones(2)) == 1
    assert macro([np.nan, 0.6, 0.8], 0.5) == pytest.approx(0.7)
    assert macro([np.nan], 0.5) == 0.5

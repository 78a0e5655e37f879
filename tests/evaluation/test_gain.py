"""Δm and its intervals, against SciPy's bootstrap and closed forms."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import helpers
from helpers import Mean
from lepton.evaluation.gain import bootstrap, delta_percent
from lepton.tasks.base import Evidence

TASKS = {"digit": helpers.digit(), "tilt": helpers.tilt()}
METRICS = {name: task.metric for name, task in TASKS.items()}


def evidence(digit: np.ndarray, tilt: np.ndarray) -> Mapping[str, Evidence]:
    return {"digit": Mean(METRICS["digit"], digit), "tilt": Mean(METRICS["tilt"], tilt)}


@pytest.fixture
def pair() -> tuple[Mapping[str, Evidence], Mapping[str, Evidence]]:
    """Ours and single, correlated as two models on the same rows are."""
    random = np.random.default_rng(3)
    digit, tilt = random.random(300), random.random(300) + 4
    return evidence(digit + random.normal(0.05, 0.1, 300), tilt + random.normal(-0.2, 0.3, 300)), evidence(digit, tilt)


def test_a_model_against_itself_gains_exactly_nothing(pair: tuple[Mapping[str, Evidence], Mapping[str, Evidence]]) -> None:
    per_task, total = bootstrap(TASKS, pair[0], pair[0], 50, rng=np.random.default_rng(0))
    assert {(one.mean, one.low, one.high) for one in [*per_task.values(), total]} == {(0.0, 0.0, 0.0)}


def test_delta_m_is_the_mean_over_tasks_and_lies_in_its_interval(
    pair: tuple[Mapping[str, Evidence], Mapping[str, Evidence]],
) -> None:
    per_task, total = bootstrap(TASKS, *pair, 200, rng=np.random.default_rng(0))
    assert total.mean == pytest.approx(np.mean([one.mean for one in per_task.values()]))
    for one in [*per_task.values(), total]:
        assert one.low < one.mean < one.high
    assert min(one.mean for one in per_task.values()) > 0  # more hits, less error: both for the better


def test_intervals_are_those_of_scipys_paired_bootstrap(pair: tuple[Mapping[str, Evidence], Mapping[str, Evidence]]) -> None:
    per_task, _ = bootstrap(TASKS, *pair, 3000, rng=np.random.default_rng(0))
    for name, sign in (("digit", 1), ("tilt", -1)):
        ours, single = (side[name].values_N for side in pair)  # type: ignore[attr-defined]
        reference = stats.bootstrap(
            (ours, single),
            lambda a, b, sign=sign: sign * 100 * (np.mean(a) - np.mean(b)) / np.mean(b),
            paired=True,
            vectorized=False,
            n_resamples=3000,
            method="percentile",
            rng=np.random.default_rng(1),
        ).confidence_interval
        width = reference.high - reference.low
        assert per_task[name].low == pytest.approx(reference.low, abs=0.08 * width)
        assert per_task[name].high == pytest.approx(reference.high, abs=0.08 * width)


def test_what_both_models_find_hard_widens_no_interval(pair: tuple[Mapping[str, Evidence], Mapping[str, Evidence]]) -> None:
    """The rows are the same for both: a constant lead has the same interval however much the rows differ."""
    rows = np.random.default_rng(0).exponential(1, 200)
    ours, single = evidence(1.1 * rows, rows), evidence(rows, rows)
    per_task, _ = bootstrap(TASKS, ours, single, 100, rng=np.random.default_rng(0))
    assert per_task["digit"].low == pytest.approx(10)
    assert per_task["digit"].high == pytest.approx(10)


@given(value=st.floats(0.01, 10), reference=st.floats(0.01, 10))
def test_less_of_a_metric_that_should_be_low_is_the_same_gain_as_more_of_one_that_should_be_high(
    value: float, reference: float
) -> None:
    gain = delta_percent(value, reference, higher_is_better=True)
    assert gain == -delta_percent(value, reference, higher_is_better=False)
    assert gain == pytest.approx(100 * (value / reference - 1), abs=1e-6)

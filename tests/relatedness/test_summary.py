"""Promises of what is said about the tasks."""

import numpy as np
import pytest

from lepton.relatedness.calibration import SPREAD
from lepton.relatedness.grouping import pairs
from lepton.relatedness.summary import halves, mean_and_error, summary

NAMES = ["a", "b", "c", "d"]


def gains(seed: int = 0, noise: float = 0.1) -> np.ndarray:
    """a and b gain from each other; c and d from nobody."""
    gain = np.zeros((4, 4))
    gain[0, 1], gain[1, 0] = 3, 1
    found = gain + noise * np.random.default_rng(seed).normal(size=(2, 6, 4, 4))
    found[..., range(4), range(4)] = 0
    return found


def test_who_gains_nothing_stands_alone() -> None:
    told = summary(NAMES, gains(noise=0.0) - 0.5, {}, None)
    assert told["groups"] == [["a", "b"], ["c"], ["d"]]
    assert told["ranking"][0] == ("a", "b", pytest.approx(1.5))


def test_a_member_gains_the_mean_of_what_its_partners_bring_and_nothing_alone() -> None:
    told = summary(NAMES, gains(noise=0.0) - 0.5, {}, 1)
    assert told["groups"] == [NAMES]
    assert told["member"]["a"][0] == pytest.approx((3 - 0.5 * 3) / 3)
    assert summary(NAMES, gains(noise=0.0) - 0.5, {}, None)["member"]["c"] == [0, 0]


def test_dividing_the_same_rows_again_makes_nothing_surer() -> None:
    once = gains()[:1]
    for one, twice in zip(mean_and_error(once), mean_and_error(np.concatenate([once, once])), strict=True):
        np.testing.assert_allclose(one, twice)
    np.testing.assert_allclose(mean_and_error(once)[1], np.hypot(once[0].std(0, ddof=1) / np.sqrt(6), SPREAD))


def test_a_budget_of_trunks_is_kept() -> None:
    told = summary(NAMES, gains() - 1, {}, 2)
    assert len(told["groups"]) == 2
    assert told["limited"]
    assert not summary(NAMES, gains() - 1, {}, 3)["limited"]


def test_unknown_similarities_are_null() -> None:
    told = summary(NAMES, gains(), {"labels": np.full((4, 4), np.nan)}, None)
    assert told["matrices"]["labels"] == [[None] * 4] * 4


def test_halves_agree_where_there_is_something_to_see() -> None:
    assert halves(gains(noise=0.0)) == 1
    assert halves(np.zeros((1, 4, 3, 3))) is None
    assert halves(gains()[..., :2, :2]) is None


def test_a_pair_has_the_mean_of_both_directions() -> None:
    assert pairs(np.array([[0, 3, 5], [1, 0, 2], [1, 4, 0]])).tolist() == [2, 3, 3]

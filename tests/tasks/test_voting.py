"""Promises of models that answer together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.tasks import voting


def members(seed: int, count: int = 4, shape: tuple[int, ...] = (7, 3)) -> list[np.ndarray]:
    chance = np.random.default_rng(seed).random((count, *shape)).astype(np.float32)
    return list(chance / chance.sum(2, keepdims=True))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_the_majority_is_the_class_with_most_weight_behind_it(seed: int) -> None:
    several, weight = members(seed, 5), np.random.default_rng(seed).integers(1, 9, 5).astype(float)
    found = voting.majority(several, weight)
    for row in range(7):
        behind = np.bincount([one[row].argmax() for one in several], weights=weight, minlength=3)
        assert behind[found[row].argmax()] == behind.max()
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)


def test_pixels_vote_each_for_themselves() -> None:
    several, weight = members(0, 3, (2, 4, 5, 6)), np.ones(3)
    found = voting.majority(several, weight)
    flat = [one.transpose(0, 2, 3, 1).reshape(-1, 4) for one in several]
    np.testing.assert_array_equal(found.transpose(0, 2, 3, 1).reshape(-1, 4), voting.majority(flat, weight))


def test_between_classes_with_as_many_votes_the_surer_one_wins() -> None:
    sure, unsure = np.array([[0.1, 0.9]]), np.array([[0.6, 0.4]])
    for several in ([sure, unsure], [unsure, sure]):
        np.testing.assert_array_equal(voting.majority(several, np.ones(2)), sure)


def test_a_winner_has_the_numbers_of_those_that_voted_for_it() -> None:
    several = [np.array([[0.9, 0.1]]), np.array([[0.6, 0.4]]), np.array([[0.0, 1.0]])]
    np.testing.assert_allclose(voting.majority(several, np.ones(3)), [[0.75, 0.25]])


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_the_middle_of_equal_weights_is_the_median(values: list[float]) -> None:
    low, high = voting.middle([np.array([value]) for value in values], np.ones(len(values)))
    assert (low[0] + high[0]) / 2 == pytest.approx(np.median(values))
    assert low[0] in values


@given(st.lists(st.tuples(st.floats(-9, 9), st.integers(1, 4)), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_a_weight_of_three_is_three_equal_members(pairs: list[tuple[float, int]]) -> None:
    values, weight = [np.array([value]) for value, _ in pairs], np.array([float(count) for _, count in pairs])
    repeated = [value for value, (_, count) in zip(values, pairs, strict=True) for _ in range(count)]
    assert voting.middle(values, weight) == voting.middle(repeated, np.ones(len(repeated)))
    assert voting.average(values, weight) == pytest.approx(voting.average(repeated, np.ones(len(repeated))))

"""Promises of the degrees that training starts from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.relatedness.starting import starting_alpha

seeds = st.integers(0, 10**6)
NAMES = ["a", "b", "c", "d", "e"]


def gains(seed: int, count: int = 5) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(size=(count, count)), random.random((count, count))


@given(seed=seeds, levels=st.integers(1, 4), count=st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_starting_degrees_leave_training_room_to_decide(seed: int, levels: int, count: int) -> None:
    found = starting_alpha(NAMES[:count], *gains(seed, count), levels)
    assert list(found) == NAMES[:count]
    assert all(len(values) == levels for values in found.values())
    assert all(0.25 - 1e-9 <= value <= 0.75 + 1e-9 for values in found.values() for value in values)


def test_a_task_that_gains_from_the_others_starts_more_shared_the_surer_the_more() -> None:
    gain = np.array([[0, 2.0, 2], [-1, 0, -3], [1, -1, 0]])
    sure, unsure = (starting_alpha(["a", "b", "c"], gain, np.full((3, 3), error), 1) for error in (1.0, 4.0))
    assert sure["a"][0] > unsure["a"][0] > 0.5 > unsure["b"][0] > sure["b"][0]
    assert sure["c"] == unsure["c"] == [0.5]


def test_what_is_not_known_or_does_not_matter_starts_in_the_middle() -> None:
    small = starting_alpha(["a", "b"], np.full((2, 2), 0.01), np.zeros((2, 2)), 1)
    assert small["a"] == pytest.approx([0.5], abs=0.01)
    assert starting_alpha(["a"], np.ones((1, 1)), np.ones((1, 1)), 2) == {"a": [0.5, 0.5]}
    assert starting_alpha(["a", "b"], np.zeros((2, 2)), np.zeros((2, 2)), 1) == {"a": [0.5], "b": [0.5]}


@given(seed=seeds, order=st.permutations(range(5)))
@settings(max_examples=20, deadline=None)
def test_permuting_tasks_permutes_starting_degrees(seed: int, order: list[int]) -> None:
    straight = starting_alpha(NAMES, *gains(seed), 2)
    moved = starting_alpha([NAMES[i] for i in order], *(one[order][:, order] for one in gains(seed)), 2)
    for name in NAMES:
        assert moved[name] == pytest.approx(straight[name], abs=1e-12)

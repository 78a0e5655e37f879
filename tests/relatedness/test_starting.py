"""Promises of the degrees that training starts from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.relatedness.similarity import cosine
from lepton.relatedness.starting import starting_alpha

seeds = st.integers(0, 10**6)
NAMES = ["a", "b", "c", "d", "e"]


def scores(seed: int, count: int = 5, width: int = 6) -> np.ndarray:
    return cosine(np.random.default_rng(seed).normal(size=(count, width)))


@given(seed=seeds, levels=st.integers(1, 4), count=st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_starting_degrees_leave_training_room_to_decide(seed: int, levels: int, count: int) -> None:
    score = np.stack([scores(seed + level, count) for level in range(levels)])
    found = starting_alpha(NAMES[:count], score)
    assert list(found) == NAMES[:count]
    assert all(len(values) == levels for values in found.values())
    assert all(0.25 - 1e-9 <= value <= 0.75 + 1e-9 for values in found.values() for value in values)


def test_a_task_that_is_close_to_the_others_starts_more_shared() -> None:
    score = np.array([[[1, 0.8, -0.4], [0.8, 1, 0.2], [-0.4, 0.2, 1]]])
    found = starting_alpha(["a", "b", "c"], score)
    assert found["a"] == pytest.approx([0.5 + 0.25 * 0.2])
    assert found["b"] == pytest.approx([0.5 + 0.25 * 0.5])
    assert found["c"] == pytest.approx([0.5 - 0.25 * 0.1])
    assert starting_alpha(["a"], np.ones((2, 1, 1))) == {"a": [0.5, 0.5]}


@given(seed=seeds, order=st.permutations(range(5)))
@settings(max_examples=20, deadline=None)
def test_permuting_tasks_permutes_starting_degrees(seed: int, order: list[int]) -> None:
    score = np.stack([scores(seed), scores(seed + 1)])
    straight = starting_alpha(NAMES, score)
    moved = starting_alpha([NAMES[i] for i in order], score[:, order][:, :, order])
    for name in NAMES:
        assert moved[name] == pytest.approx(straight[name], abs=1e-12)

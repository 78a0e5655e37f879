"""Promises of ranking, groups and starting degrees."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.relatedness.grouping import groups, ranking, starting_alpha
from lepton.relatedness.similarity import cosine

seeds = st.integers(0, 10**6)
NAMES = ["a", "b", "c", "d", "e"]


def scores(seed: int, count: int = 5, width: int = 6) -> np.ndarray:
    return cosine(np.random.default_rng(seed).normal(size=(count, width)))


def as_sets(found: list[list[str]]) -> set[frozenset[str]]:
    return {frozenset(group) for group in found}


@given(seed=seeds, order=st.permutations(range(5)), threshold=st.floats(-0.5, 0.9))
@settings(max_examples=40, deadline=None)
def test_the_order_of_tasks_does_not_change_the_groups(seed: int, order: list[int], threshold: float) -> None:
    score = scores(seed)
    moved = groups([NAMES[i] for i in order], score[np.ix_(order, order)], threshold)
    assert as_sets(moved) == as_sets(groups(NAMES, score, threshold))


@given(seed=seeds, threshold=st.floats(-1, 1))
@settings(max_examples=30, deadline=None)
def test_every_task_is_in_one_group(seed: int, threshold: float) -> None:
    found = groups(NAMES, scores(seed), threshold)
    assert sorted(name for group in found for name in group) == NAMES
    assert [group[0] for group in found] == sorted(group[0] for group in found)


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_the_highest_threshold_parts_all_and_the_lowest_none(seed: int) -> None:
    assert groups(NAMES, scores(seed), 1) == [[name] for name in NAMES]
    assert groups(NAMES, scores(seed), -1) == [NAMES]


@given(seed=seeds, low=st.floats(-1, 1), high=st.floats(-1, 1))
@settings(max_examples=30, deadline=None)
def test_a_higher_threshold_only_splits_groups(seed: int, low: float, high: float) -> None:
    coarse, fine = (groups(NAMES, scores(seed), threshold) for threshold in sorted((low, high)))
    assert all(any(set(group) <= set(other) for other in coarse) for group in fine)


@given(seed=seeds, threshold=st.floats(-0.9, 0.9))
@settings(max_examples=40, deadline=None)
def test_groups_are_those_of_average_linkage_by_hand(seed: int, threshold: float) -> None:
    score, found = scores(seed), [[i] for i in range(5)]
    while len(found) > 1:
        pairs = [(a, b) for a in range(len(found)) for b in range(a)]
        means = [score[np.ix_(found[a], found[b])].mean() for a, b in pairs]
        a, b = pairs[int(np.argmax(means))]
        if max(means) < threshold:
            break
        found = [group for at, group in enumerate(found) if at not in (a, b)] + [found[a] + found[b]]
    assert as_sets(groups(NAMES, score, threshold)) == {frozenset(NAMES[i] for i in group) for group in found}


def test_cosines_that_rounding_carried_past_one_are_no_error() -> None:
    score = np.ones((3, 3), np.float32) * np.float32(1 + 1e-6)
    assert groups(["a", "b", "c"], score, 1) == [["a", "b", "c"]]
    assert groups(["a", "b", "c"], 2 * np.eye(3) - score, -1) == [["a", "b", "c"]]


def test_two_families_are_found() -> None:
    score = np.full((4, 4), -0.2)
    score[:2, :2], score[2:, 2:] = 0.8, 0.6
    assert groups(["a", "x", "b", "y"], score[np.ix_([0, 2, 1, 3], [0, 2, 1, 3])], 0.1) == [["a", "b"], ["x", "y"]]


def test_one_task_is_one_group() -> None:
    assert groups(["a"], np.ones((1, 1)), 0.1) == [["a"]]


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_every_pair_is_ranked_once_the_closest_first(seed: int) -> None:
    score = scores(seed)
    found = ranking(NAMES, score)
    assert {pair[:2] for pair in found} == {(a, b) for a in NAMES for b in NAMES if a < b}
    assert [pair[2] for pair in found] == sorted((pair[2] for pair in found), reverse=True)
    assert all(pair[2] == score[NAMES.index(pair[0]), NAMES.index(pair[1])] for pair in found)


def test_pairs_of_equal_score_are_ranked_by_name() -> None:
    assert [pair[:2] for pair in ranking(["c", "a", "b"], np.ones((3, 3)))] == [("a", "b"), ("c", "a"), ("c", "b")]


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

"""Promises of the groups that share a trunk."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lepton.relatedness import grouping
from lepton.relatedness.grouping import group_gain, partition, ranking, total

seeds = st.integers(0, 10**6)


def gains(seed: int, tasks: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(tasks, tasks))


def partitions(tasks: Sequence[int]) -> Iterator[list[list[int]]]:
    """Every way to divide them."""
    if not tasks:
        yield []
        return
    first, *rest = tasks
    for others in partitions(rest):
        yield [[first], *others]
        for at in range(len(others)):
            yield [*others[:at], [first, *others[at]], *others[at + 1 :]]


def test_a_member_gains_the_mean_of_what_its_partners_bring() -> None:
    gain = np.array([[9.0, 2, -4], [1, 9, 3], [5, 7, 9]])
    assert group_gain(gain, [0, 1]).tolist() == [2, 1]
    assert group_gain(gain, [2, 0, 1]).tolist() == [6, -1, 2]
    assert group_gain(gain, [1]).tolist() == [0]
    assert total(gain, [[0, 1], [2]]) == 3


@given(seed=seeds, tasks=st.integers(1, 6), trunks=st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_up_to_twelve_tasks_no_partition_within_the_budget_gains_more(seed: int, tasks: int, trunks: int) -> None:
    gain = gains(seed, tasks)
    found = partition(gain, trunks)
    best = max(total(gain, one) for one in partitions(range(tasks)) if len(one) <= trunks)
    assert len(found) <= trunks
    assert total(gain, found) == pytest.approx(best)


@given(seed=seeds, tasks=st.integers(1, 16), trunks=st.integers(1, 8))
@settings(max_examples=15, deadline=None)
def test_every_task_is_in_one_group(seed: int, tasks: int, trunks: int) -> None:
    found = partition(gains(seed, tasks), trunks)
    assert sorted(task for group in found for task in group) == list(range(tasks))
    assert len(found) <= trunks
    assert found == sorted(sorted(group) for group in found)


@given(seed=seeds, order=st.permutations(range(6)), trunks=st.integers(1, 6))
@settings(max_examples=15, deadline=None)
def test_the_order_of_tasks_does_not_change_the_groups(seed: int, order: list[int], trunks: int) -> None:
    gain = gains(seed, 6)
    moved = partition(gain[np.ix_(order, order)], trunks)
    assert {frozenset(order[task] for task in group) for group in moved} == {*map(frozenset, partition(gain, trunks))}


@pytest.mark.parametrize("tasks", [4, 15])
def test_a_task_that_gains_nothing_stands_alone(tasks: int) -> None:
    gain = np.ones((tasks, tasks))
    gain[0] = gain[:, 0] = -1
    assert partition(gain, tasks) == [[0], list(range(1, tasks))]
    assert partition(gain, 1) == [list(range(tasks))], "a budget of one trunk leaves no choice"


@given(seed=seeds, trunks=st.integers(1, 8))
@settings(max_examples=8, deadline=None)
def test_merging_and_moving_comes_near_the_best(seed: int, trunks: int) -> None:
    """Above twelve tasks; here on nine, where the best is known. Related tasks, as of three families with noise."""
    family = np.arange(9) % 3
    gain = (family[:, None] == family) * 2.0 - 1 + gains(seed, 9) / 2
    moved = grouping._moved(gain, grouping._merged(gain, trunks), trunks)
    best = total(gain, partition(gain, trunks))
    assert len(moved) <= trunks
    assert best - total(gain, moved) <= 0.1 * abs(best) + 1e-9


def test_planted_families_are_found_among_fifty_tasks() -> None:
    """What a family's members bring each other is alike, what strangers do is not."""
    family = np.random.default_rng(0).integers(5, size=50)
    gain = np.where(family[:, None] == family, 1.0, -np.random.default_rng(1).random((50, 50)))
    found = partition(gain, 10)
    assert {frozenset(group) for group in found} == {frozenset(np.flatnonzero(family == one).tolist()) for one in range(5)}


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_every_pair_is_ranked_once_the_highest_first(seed: int) -> None:
    gain, names = gains(seed, 5), ["a", "b", "c", "d", "e"]
    found = ranking(names, gain)
    assert {pair[:2] for pair in found} == {(a, b) for a in names for b in names if a < b}
    assert [pair[2] for pair in found] == sorted((pair[2] for pair in found), reverse=True)
    for one, other, score in found:
        i, j = names.index(one), names.index(other)
        assert score == pytest.approx((gain[i, j] + gain[j, i]) / 2)


def test_pairs_of_equal_score_are_ranked_by_name() -> None:
    assert [pair[:2] for pair in ranking(["c", "a", "b"], np.ones((3, 3)))] == [("a", "b"), ("c", "a"), ("c", "b")]

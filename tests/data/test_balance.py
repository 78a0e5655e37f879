"""Promises of the draw."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import helpers
from lepton.data.balance import demanded, draw, row_weights

weights = arrays.arrays(float, st.integers(1, 40), elements=st.sampled_from([0.0, 0.1, 0.3, 1.0, 2.5])).filter(
    lambda w: w.sum() > 0
)


@given(weight_N=weights, count=st.integers(1, 100), seed=st.integers(0, 999))
@settings(max_examples=100, deadline=None)
def test_every_row_is_drawn_as_often_as_expected_off_by_less_than_one(weight_N: np.ndarray, count: int, seed: int) -> None:
    rows = draw(weight_N, count, generator=helpers.generator(seed))
    assert rows.dtype == torch.int64
    assert len(rows) == count
    found = np.bincount(rows.numpy(), minlength=len(weight_N))
    expected = count * weight_N / weight_N.sum()
    assert (np.abs(found - expected) < 1 + 1e-9).all()
    assert (found[weight_N == 0] == 0).all()


@given(count=st.integers(1, 60), weight=st.sampled_from([0.1, 1.0, 7.3]), seed=st.integers(0, 999))
@settings(max_examples=50, deadline=None)
def test_equal_weights_draw_a_permutation(count: int, weight: float, seed: int) -> None:
    rows = draw(np.full(count, weight), count, generator=helpers.generator(seed))
    assert sorted(rows.tolist()) == list(range(count))


def test_a_draw_that_starts_at_zero_skips_rows_of_weight_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "rand", lambda *_, generator: torch.zeros(1))
    assert sorted(draw(np.array([0.0, 1.0, 0.0, 1.0]), 4, generator=helpers.generator()).tolist()) == [1, 1, 3, 3]


def test_over_many_draws_the_mean_is_the_expected_number() -> None:
    weight_N, generator = np.array([1.0, 2.0, 0.5, 0.0]), helpers.generator()
    found = sum(np.bincount(draw(weight_N, 5, generator=generator), minlength=4) for _ in range(2000)) / 2000
    assert found == pytest.approx(5 * weight_N / weight_N.sum(), abs=0.03)


def test_rows_come_in_random_order() -> None:
    rows = draw(np.ones(100), 100, generator=helpers.generator()).tolist()
    assert rows != sorted(rows)
    assert np.mean(rows[:50]) == pytest.approx(49.5, abs=10)


def test_the_seed_decides_the_rows() -> None:
    one, same, other = (draw(np.ones(50), 30, generator=helpers.generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


present = arrays.arrays(bool, st.tuples(st.integers(1, 4), st.integers(1, 30))).filter(lambda has: has.any())


@given(has_TN=present, power=st.sampled_from([0, 0.3, 1]))
@settings(max_examples=50, deadline=None)
def test_row_weights_have_mean_one_and_rows_without_labels_none(has_TN: np.ndarray, power: float) -> None:
    weight_N = row_weights(dict(enumerate(has_TN)), power)
    assert weight_N.mean() == pytest.approx(1)
    np.testing.assert_array_equal(weight_N > 0, has_TN.any(0))


@given(has_TN=present)
@settings(max_examples=50, deadline=None)
def test_power_zero_counts_labels_and_power_one_gives_disjoint_tasks_equal_shares(has_TN: np.ndarray) -> None:
    count_N = has_TN.sum(0)
    np.testing.assert_allclose(row_weights(dict(enumerate(has_TN)), 0), count_N / count_N.mean())
    first = has_TN & (has_TN.cumsum(0) == 1)  # each row keeps its first label, so that tasks are disjoint
    weight_N = row_weights(dict(enumerate(first)), 1)
    shares = [weight_N[has].sum() for has in first if has.any()]
    np.testing.assert_allclose(shares, np.full(len(shares), len(weight_N) / len(shares)))


def test_a_row_weighs_the_sum_of_its_labels() -> None:
    has = {"often": np.array([1, 1, 1, 1], bool), "rare": np.array([0, 0, 0, 1], bool)}
    weight_N = row_weights(has, 0.5)
    assert weight_N[3] / weight_N[0] == pytest.approx(1 + 2)
    assert weight_N[1] == weight_N[0]


def test_the_order_of_tasks_does_not_matter() -> None:
    has = {name: np.random.default_rng(seed).random(20) < 0.5 for seed, name in enumerate("abc")}
    np.testing.assert_allclose(row_weights(has, 0.5), row_weights(dict(reversed(has.items())), 0.5))


@given(has_TN=present, power=st.sampled_from([1.0, 2.0]))
@settings(max_examples=50, deadline=None)
def test_rows_are_demanded_by_what_their_tasks_lack(has_TN: np.ndarray, power: float) -> None:
    has = dict(enumerate(has_TN))
    weight_N = demanded(has, {task: 1 / (task + 1) for task in has}, power)
    expected_N = sum(row / (task + 1) / row.mean() for task, row in has.items() if row.any()) ** power
    np.testing.assert_allclose(weight_N, expected_N / expected_N.mean())


@given(has_TN=present)
@settings(max_examples=20, deadline=None)
def test_where_every_task_lacks_as_much_and_power_is_one_all_is_as_balanced(has_TN: np.ndarray) -> None:
    has = dict(enumerate(has_TN))
    np.testing.assert_allclose(demanded(has, dict.fromkeys(has, 0.3), 1.0), row_weights(has, 1.0))

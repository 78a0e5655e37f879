"""Promises of ordered classes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, cohen_kappa_score
from torchmetrics.functional import mean_absolute_error
from torchmetrics.functional.classification import multiclass_cohen_kappa

import helpers
from laws import class_weights_have_mean_one, ignores_rows_without_label, one_entry_per_sample, weighing_repeats_them
from lepton.tasks.base import Level
from lepton.tasks.ordinal import median
from lepton.types import Labels, Source

SOURCE = Source(Path(), (16, 16))


def raw(rows: int, seed: int = 0, classes: int = 4) -> torch.Tensor:
    return 2 * torch.randn(rows, classes - 1, generator=helpers.generator(seed))


def labels_of(ranks: list[int]) -> Labels:
    return {"present": torch.ones(len(ranks), dtype=torch.bool), "class": torch.tensor(ranks)}


def corn_loss(logits: torch.Tensor, rank: torch.Tensor) -> tuple[torch.Tensor, int]:
    """The paper's sum over tasks and their conditional training sets, and how many samples all sets have."""
    total, count = torch.zeros(()), 0
    for k in range(logits.shape[1]):
        inside = rank > k - 1
        above = (rank[inside] > k).float()
        log_f = F.logsigmoid(logits[inside, k])
        total = total - (log_f * above + (log_f - logits[inside, k]) * (1 - above)).sum()
        count += int(inside.sum())
    return total, count


@given(seed=st.integers(0, 10**6), rows=st.integers(3, 40), classes=st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_metrics_are_those_of_torchmetrics_and_scikit_learn(seed: int, rows: int, classes: int) -> None:
    task = helpers.grade(classes)
    labels = helpers.arrays(task, rows, np.random.default_rng(seed))
    labels["present"][:2], labels["class"][:2] = True, [0, classes - 1]
    predicted = helpers.numpy(task.predict(raw(rows, seed, classes)))
    evidence = task.compare(predicted, labels, (16, 16))
    found, has = evidence.measure(), labels["present"]
    np.testing.assert_array_equal(evidence.rows(), np.flatnonzero(has))
    guess, true = median(predicted["probability"])[has], labels["class"][has]
    pair = torch.from_numpy(guess), torch.from_numpy(true)
    assert next(iter(found)) == task.metric == "mae"
    assert found["mae"] == pytest.approx(float(mean_absolute_error(*(one.double() for one in pair))))
    assert found["accuracy"] == pytest.approx(accuracy_score(true, guess))
    kappa = cohen_kappa_score(true, guess, labels=range(classes), weights="quadratic")
    assert found["quadratic_kappa"] == pytest.approx(kappa, abs=1e-9)
    assert found["quadratic_kappa"] == pytest.approx(float(multiclass_cohen_kappa(*pair, classes, weights="quadratic")), abs=1e-5)


def test_kappa_of_one_rank_alone_is_nothing() -> None:
    labels = {"present": np.array([True, True]), "class": np.array([0, 0])}
    found = helpers.grade().compare({"probability": np.eye(4)[[0, 0]]}, labels, (16, 16)).measure()
    assert found == {"mae": 0.0, "quadratic_kappa": 0.0, "accuracy": 1.0}


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12))
@settings(max_examples=20, deadline=None)
def test_measuring_repeated_rows_is_measuring_a_table_that_repeats_them(rows: list[int]) -> None:
    task = helpers.grade()
    labels = helpers.arrays(task, 12, np.random.default_rng(3), missing=0.4)
    weighing_repeats_them(task, helpers.numpy(task.predict(raw(12))), labels, np.array(rows), 16)


@given(seed=st.integers(0, 10**6), classes=st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_loss_is_the_papers_and_minus_the_log_of_the_own_ranks_probability(seed: int, classes: int) -> None:
    task, logits = helpers.grade(classes), raw(9, seed, classes)
    rank = torch.randint(classes, (9,), generator=helpers.generator(seed))
    loss_B = task.loss(logits, labels_of(rank.tolist()), None)
    total, count = corn_loss(logits, rank)
    torch.testing.assert_close(loss_B.sum() / count, total / count)
    own = task.predict(logits)["probability"].gather(1, rank[:, None])[:, 0]
    torch.testing.assert_close(loss_B, -own.log(), rtol=1e-3, atol=1e-4)


def test_a_class_weight_weighs_the_samples_of_its_class() -> None:
    task, labels, weight = helpers.grade(), labels_of([0, 3, 1]), torch.tensor([2.0, 3, 1, 0.5])
    torch.testing.assert_close(task.loss(raw(3), labels, weight), task.loss(raw(3), labels, None) * torch.tensor([2.0, 0.5, 3]))


@given(seed=st.integers(0, 10**6), power=st.sampled_from([0, 0.5, 1]))
@settings(max_examples=20, deadline=None)
def test_class_weights_have_mean_one_over_the_samples(seed: int, power: float) -> None:
    labels = helpers.arrays(helpers.grade(), 30, np.random.default_rng(seed))
    weights = helpers.grade().balance(labels, power)
    assert weights is not None
    class_weights_have_mean_one(weights, labels["class"][labels["present"]])


@given(seed=st.integers(0, 10**6), classes=st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_ranks_never_contradict_each_other(seed: int, classes: int) -> None:
    """P(y > k) falls with k, so every rank has a probability of 0 at least, and the predicted rank is the paper's sum."""
    logits = 5 * raw(8, seed, classes)
    found = helpers.grade(classes).predict(logits)
    one_entry_per_sample(found, 8)
    assert (found["probability"] >= 0).all()
    torch.testing.assert_close(found["probability"].sum(1), torch.ones(8))
    above = logits.sigmoid().cumprod(1)
    if ((above - 0.5).abs() > 1e-5).all():
        np.testing.assert_array_equal(median(found["probability"].numpy()), (above > 0.5).sum(1).numpy())


def test_loss_is_nothing_when_the_model_is_right() -> None:
    sure = torch.tensor([[-30.0, 0, 0], [30, -30, 9], [30, 30, 30]])
    assert helpers.grade().loss(sure, labels_of([0, 1, 3]), None).max() < 1e-6
    assert median(helpers.grade().predict(sure)["probability"].numpy()).tolist() == [0, 1, 3]


def test_the_order_counts_where_cross_entropy_sees_none() -> None:
    """Weight far from the true rank moves the median further than weight near to it."""
    near, far = np.array([[0.45, 0.55, 0, 0]]), np.array([[0.45, 0, 0, 0.55]])
    assert median(near).tolist() == [1]
    assert median(far).tolist() == [3]


def test_rows_without_a_label_have_no_gradient() -> None:
    ignores_rows_without_label(helpers.grade(), raw(12), helpers.batch({"grade": helpers.grade()}).labels["grade"])


def test_classes_are_numbered_in_their_order_and_null_has_none() -> None:
    task = helpers.grade().model_copy(update={"classes": ("good", "fair", "bad")})
    column = pd.Series(["bad", None, "good", "awful"])
    found = task.encode(column, SOURCE)
    np.testing.assert_array_equal(found["present"], [True, False, True, False])
    np.testing.assert_array_equal(found["class"][[0, 2]], [2, 0])
    assert task.faults(column, SOURCE)["unknown class"].tolist() == [False, False, False, True]
    assert task.show_label(found, 0) == "bad"
    assert task.show_prediction({"probability": np.array([[0.2, 0.7, 0.1]])}, 0, (16, 16)) == "fair"


def test_the_head_has_one_output_less_than_classes() -> None:
    head = helpers.grade(5).head([Level(3, 8)], (16, 16), 0.0)
    assert head([torch.randn(2, 3, 2, 2)]).shape == (2, 4)


def test_utility_is_one_when_perfect_and_zero_at_half_the_ranks() -> None:
    assert helpers.grade(5).utility(0) == 1
    assert helpers.grade(5).utility(2) == 0
    assert helpers.grade().unit_of_metric == "ranks"


def test_a_vote_is_the_median_of_the_ranks_and_of_two_the_lower() -> None:
    members = [{"probability": np.eye(4)[[rank]]} for rank in (0, 1, 3)]
    assert median(helpers.grade().vote(members, np.ones(3))["probability"]).tolist() == [1]
    assert median(helpers.grade().vote(members[1:], np.ones(2))["probability"]).tolist() == [1]
    assert median(helpers.grade().vote(members, np.array([1.0, 1, 5]))["probability"]).tolist() == [3]


def test_score_is_the_expected_rank() -> None:
    expected = (helpers.grade().predict(raw(5))["probability"] * torch.arange(4)).sum(1)
    torch.testing.assert_close(helpers.grade().score(raw(5)), expected)

"""Promises of several classes at once."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import multilabel_auroc, multilabel_average_precision

import helpers
from laws import class_weights_have_mean_one, ignores_rows_without_label, one_entry_per_sample, one_line, weighing_repeats_them
from lepton.tasks.base import Level
from lepton.types import Source

SOURCE = Source(Path(), (16, 16))


def outputs(rows: int, seed: int = 0, classes: int = 3) -> dict[str, np.ndarray]:
    return helpers.numpy(helpers.tags().predict(torch.randn(rows, classes, generator=helpers.generator(seed))))


@given(seed=st.integers(0, 10**6), rows=st.integers(4, 40), classes=st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_metrics_are_those_of_torchmetrics(seed: int, rows: int, classes: int) -> None:
    task = helpers.tags(*map(str, range(classes)))
    labels = helpers.arrays(task, rows, np.random.default_rng(seed))
    labels["present"][:2], labels["applies"][0], labels["applies"][1] = True, 1, 0  # every class is and is not
    predicted = outputs(rows, seed, classes)
    evidence = task.compare(predicted, labels, (16, 16))
    found, has = evidence.measure(), labels["present"]
    np.testing.assert_array_equal(evidence.rows(), np.flatnonzero(has))
    pair = torch.from_numpy(predicted["probability"][has]), torch.from_numpy(labels["applies"][has]).long()
    assert found["roc_auc"] == pytest.approx(float(multilabel_auroc(*pair, classes)), abs=1e-5)
    assert found["average_precision"] == pytest.approx(float(multilabel_average_precision(*pair, classes)), abs=1e-5)


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
def test_the_first_metric_is_the_tasks_own(metric: str) -> None:
    task = helpers.tags(metric=metric)
    evidence = task.compare(outputs(9), helpers.arrays(task, 9, np.random.default_rng(0)), (16, 16))
    assert next(iter(evidence.measure())) == task.metric == metric
    assert len(evidence.measure()) == 2
    assert list(evidence.measure(np.array([0]))) == [metric]


def test_a_class_that_no_row_has_says_nothing_and_none_at_all_is_chance() -> None:
    labels = {"present": np.array([True, True]), "applies": np.array([[1, 0, 0], [0, 0, 1]], np.float32)}
    predicted = {"probability": np.array([[0.9, 0.3, 0.6], [0.2, 0.1, 0.4]])}
    assert helpers.tags().compare(predicted, labels, (16, 16)).measure() == {"roc_auc": 0.5, "average_precision": 0.75}
    labels["applies"][:] = 0
    assert helpers.tags().compare(predicted, labels, (16, 16)).measure() == {"roc_auc": 0.5, "average_precision": 0.0}


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
@given(rows=st.lists(st.integers(0, 5), min_size=1, max_size=12))
@settings(max_examples=20, deadline=None)
def test_measuring_repeated_rows_is_measuring_a_table_that_repeats_them(metric: str, rows: list[int]) -> None:
    task = helpers.tags(metric=metric)
    labels = helpers.arrays(task, 12, np.random.default_rng(3), missing=0.4)
    weighing_repeats_them(task, outputs(12), labels, np.array(rows), 16)


@pytest.mark.parametrize(
    ("classes", "cells"),
    [
        (("a", "b", "c"), [["c", "a"], [], None, ["b", "b"]]),
        ((1, 2, 3), [np.array([3, 1]), np.array([], np.int64), None, np.array([2])]),
        (("a", "b", "c"), [np.array(["c", "a"], object), np.array([], object), None, ("b",)]),
    ],
)
def test_a_list_becomes_a_yes_or_no_for_each_class_and_null_has_none(classes: tuple, cells: list) -> None:
    task = helpers.tags(*classes)
    column = pd.Series(cells, dtype=object)
    found = task.encode(column, SOURCE)
    np.testing.assert_array_equal(found["present"], [True, True, False, True])
    np.testing.assert_array_equal(found["applies"], [[1, 0, 1], [0, 0, 0], [0, 0, 0], [0, 1, 0]])
    assert found["applies"].dtype == np.float32
    assert not task.faults(column, SOURCE)["unknown class"].any()
    assert task.show_label(found, 0) == [classes[0], classes[2]]
    assert task.show_label(found, 1) == []
    assert task.show_label(found, 2) is None


def test_only_unknown_classes_are_faults() -> None:
    column = pd.Series([["a"], ["a", "z"], None, [None], []], index=list("abcde"))
    faults = helpers.tags().faults(column, SOURCE)
    assert faults["unknown class"].to_dict() == {"a": False, "b": True, "c": False, "d": True, "e": False}


@pytest.mark.parametrize(
    ("cell", "said"),
    [("[1, 2]", "holds text (of JSON, json.loads makes a list)"), (b"a", "holds text"), (3.0, "holds no list but a float")],
)
def test_what_is_no_list_is_told_with_what_is_wanted(cell: object, said: str) -> None:
    column = pd.Series([None, ["a"], cell], dtype=object)
    one_line(lambda: helpers.tags().faults(column, SOURCE), "needs a list of classes per row", f"row 2 {said}")


def test_every_fault_has_an_expectation() -> None:
    (one,) = helpers.tags().expectations(helpers.params().validate_)
    assert one.column == "tags: unknown class"
    assert "a, b, c" in one.fix


@given(seed=st.integers(0, 10**6), power=st.sampled_from([0, 0.5, 1]))
@settings(max_examples=20, deadline=None)
def test_class_weights_have_mean_one_over_the_samples_of_each_class(seed: int, power: float) -> None:
    labels = helpers.arrays(helpers.tags(), 30, np.random.default_rng(seed))
    weights = helpers.tags().balance(labels, power)
    assert weights is not None
    for pair, applies in zip(np.reshape(weights, (3, 2)), labels["applies"][labels["present"]].T, strict=True):
        class_weights_have_mean_one(list(pair), applies.astype(int))


def test_without_labels_there_are_no_class_weights() -> None:
    assert helpers.tags().balance({"present": np.zeros(2, bool), "applies": np.zeros((2, 3), np.float32)}, 1) is None


def test_loss_is_the_mean_of_binary_cross_entropies_with_class_weights() -> None:
    raw, applies = torch.randn(4, 3, generator=helpers.generator()), torch.tensor([[1.0, 0, 0], [0, 0, 0], [1, 1, 1], [0, 1, 0]])
    labels = {"present": torch.ones(4, dtype=torch.bool), "applies": applies}
    each = -(applies * raw.sigmoid().log() + (1 - applies) * (1 - raw.sigmoid()).log())
    torch.testing.assert_close(helpers.tags().loss(raw, labels, None), each.mean(1))
    weight = torch.where(applies > 0, torch.tensor([2.0, 4, 6]), torch.tensor([1.0, 3, 5]))
    found = helpers.tags().loss(raw, labels, torch.tensor([1.0, 2, 3, 4, 5, 6]))
    torch.testing.assert_close(found, (weight * each).mean(1))


def test_loss_is_nothing_when_the_model_is_right() -> None:
    applies = torch.tensor([[1.0, 0, 1], [0, 0, 0]])
    raw = 60 * applies - 30
    assert helpers.tags().loss(raw, {"present": torch.ones(2, dtype=torch.bool), "applies": applies}, None).max() < 1e-6
    assert ((helpers.tags().predict(raw)["probability"] > 0.5) == applies.bool()).all()


def test_rows_without_a_label_have_no_gradient() -> None:
    raw = torch.randn(12, 3, generator=helpers.generator())
    ignores_rows_without_label(helpers.tags(), raw, helpers.batch({"tags": helpers.tags()}).labels["tags"])


def test_outputs_are_probabilities_with_one_entry_per_sample() -> None:
    found = helpers.tags().predict(torch.randn(4, 3, generator=helpers.generator()))
    one_entry_per_sample(found, 4)
    assert ((found["probability"] > 0) & (found["probability"] < 1)).all()


def test_the_head_reads_the_last_level_alone() -> None:
    head = helpers.tags().head([Level(5, 8)], (16, 16), 0.0)
    assert head([torch.randn(4, 5, 2, 2)]).shape == (4, 3)
    assert list(helpers.tags().levels(3)) == [2]


def test_a_prediction_names_what_is_more_likely_than_not() -> None:
    predicted = {"probability": np.array([[0.6, 0.5, 0.9], [0.1, 0.1, 0.1]])}
    assert helpers.tags().show_prediction(predicted, 0, (16, 16)) == ["a", "c"]
    assert helpers.tags().show_prediction(predicted, 1, (16, 16)) == []


def test_each_class_is_voted_for_by_itself() -> None:
    members = [{"probability": np.array([row])} for row in ([0.9, 0.1, 0.6], [0.8, 0.6, 0.2], [0.1, 0.9, 0.3])]
    np.testing.assert_allclose(helpers.tags().vote(members, np.ones(3))["probability"], [[0.85, 0.75, 0.25]])


def test_score_is_the_strongest_logit() -> None:
    torch.testing.assert_close(helpers.tags().score(torch.tensor([[1.0, 5, 2], [0, -1, -2]])), torch.tensor([5.0, 0]))

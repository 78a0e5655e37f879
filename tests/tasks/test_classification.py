"""Promises of classification."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from torchmetrics.functional.classification import binary_auroc, multiclass_accuracy, multiclass_auroc, multiclass_f1_score

import helpers
from laws import class_weights_have_mean_one, ignores_rows_without_label, one_entry_per_sample, weighing_repeats_them
from lepton.tasks.base import Level
from lepton.types import Source

SOURCE = Source(Path(), (16, 16))


def outputs(rows: int, seed: int = 0, classes: int = 3) -> dict[str, np.ndarray]:
    return helpers.numpy(helpers.digit(classes).predict(torch.randn(rows, classes, generator=helpers.generator(seed))))


@given(seed=st.integers(0, 10**6), rows=st.integers(2, 40), classes=st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_metrics_are_those_of_torchmetrics(seed: int, rows: int, classes: int) -> None:
    task = helpers.digit(classes)
    labels = helpers.arrays(task, rows, np.random.default_rng(seed))
    predicted = outputs(rows, seed, classes)
    evidence = task.compare(predicted, labels, (16, 16))
    found = evidence.measure()
    has = labels["present"]
    np.testing.assert_array_equal(evidence.rows(), np.flatnonzero(has))
    guess, true = torch.from_numpy(predicted["probability"][has]).argmax(1), torch.from_numpy(labels["class"][has])
    assert found["accuracy"] == pytest.approx(float(multiclass_accuracy(guess, true, classes, average="micro")))
    assert found["macro_f1"] == pytest.approx(float(multiclass_f1_score(guess, true, classes, average="macro")))
    assert found["macro_f1"] == pytest.approx(f1_score(true, guess, average="macro"), abs=1e-12)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "roc_auc"])
def test_the_first_metric_is_the_tasks_own(metric: str) -> None:
    task = helpers.digit(metric=metric)
    labels = helpers.arrays(task, 9, np.random.default_rng(0))
    evidence = task.compare(outputs(9), labels, (16, 16))
    assert next(iter(evidence.measure())) == task.metric == metric
    assert list(evidence.measure(np.array([0]))) == [metric]
    assert helpers.digit().metric == "accuracy"


@given(seed=st.integers(0, 10**6), rows=st.integers(12, 40), classes=st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_roc_auc_is_that_of_torchmetrics(seed: int, rows: int, classes: int) -> None:
    task = helpers.digit(classes, metric="roc_auc")
    labels = helpers.arrays(task, rows, np.random.default_rng(seed), missing=0.1)
    labels["present"][:classes], labels["class"][:classes] = True, np.arange(classes)
    predicted = {"probability": outputs(rows, seed, classes)["probability"].round(1)}  # with many ties
    found = task.compare(predicted, labels, (16, 16)).measure()
    probability, true = (torch.from_numpy(one[labels["present"]]) for one in (predicted["probability"], labels["class"]))
    one = binary_auroc(probability[:, 1], true) if classes == 2 else multiclass_auroc(probability, true, classes, average="macro")
    assert list(found) == ["roc_auc", "accuracy", "macro_f1"]
    assert found["roc_auc"] == pytest.approx(float(one), abs=1e-6)


def test_roc_auc_of_one_class_alone_is_chance() -> None:
    labels = {"present": np.array([True, True]), "class": np.array([1, 1])}
    assert helpers.digit(metric="roc_auc").compare(outputs(2), labels, (16, 16)).measure()["roc_auc"] == 0.5


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "roc_auc"])
@given(rows=st.lists(st.integers(0, 5), min_size=1, max_size=12))
@settings(max_examples=20, deadline=None)
def test_measuring_repeated_rows_is_measuring_a_table_that_repeats_them(metric: str, rows: list[int]) -> None:
    task = helpers.digit(metric=metric)
    labels = helpers.arrays(task, 12, np.random.default_rng(3), missing=0.4)
    assert labels["present"].sum() >= 6
    weighing_repeats_them(task, outputs(12), labels, np.array(rows), 16)


@pytest.mark.parametrize(
    ("classes", "column"),
    [
        ((5, 7), pd.Series([5, 7, None, 7])),
        ((5, 7), pd.Series([5, 7, None, 7], dtype=object)),
        ((5, 7), pd.Series([5, 7, None, 7], dtype="Int64")),
        (("a", "b"), pd.Series(["a", "b", None, "b"])),
        (("a", "b"), pd.Series(["a", "b", None, "b"], dtype=object)),
        (("a", "b"), pd.Series(pd.Categorical(["a", "b", None, "b"]))),
        ((0, 1), pd.Series([False, True, None, True], dtype=object)),
        ((0, 1), pd.Series([False, True, None, True], dtype="boolean")),
        ((5, "b"), pd.Series([5, "b", float("nan"), "b"], dtype=object)),
    ],
)
def test_classes_of_any_column_type_become_their_numbers_and_null_has_none(classes: tuple, column: pd.Series) -> None:
    task = helpers.digit().model_copy(update={"classes": classes})
    found = task.encode(column, SOURCE)
    assert found["present"].dtype == bool
    assert found["class"].dtype == np.int64
    np.testing.assert_array_equal(found["present"], [True, True, False, True])
    np.testing.assert_array_equal(found["class"][found["present"]], [0, 1, 1])
    assert not task.faults(column, SOURCE)["unknown class"].any()


def test_plain_booleans_are_classes_0_and_1() -> None:
    found = helpers.digit(2).encode(pd.Series([True, False]), SOURCE)
    np.testing.assert_array_equal(found["present"], [True, True])
    np.testing.assert_array_equal(found["class"], [1, 0])


def test_a_column_without_any_label_is_all_absent() -> None:
    found = helpers.digit().encode(pd.Series([None, None]), SOURCE)
    assert not found["present"].any()


def test_only_unknown_classes_are_faults() -> None:
    column = pd.Series([0, 2, 3, None, -1], index=list("abcde"))
    faults = helpers.digit().faults(column, SOURCE)
    assert faults["unknown class"].to_dict() == {"a": False, "b": False, "c": True, "d": False, "e": True}
    text = pd.Series(["0", None])
    assert helpers.digit().faults(text, SOURCE)["unknown class"].tolist() == [True, False]


def test_expectations_name_the_column_and_the_classes() -> None:
    (one,) = helpers.digit().expectations(helpers.params().validate_)
    assert one.column == "digit"
    assert one.options["value_set"] == [0, 1, 2]


@given(seed=st.integers(0, 10**6), power=st.sampled_from([0, 0.5, 1]))
@settings(max_examples=20, deadline=None)
def test_class_weights_have_mean_one_over_the_samples(seed: int, power: float) -> None:
    labels = helpers.arrays(helpers.digit(5), 30, np.random.default_rng(seed))
    number = labels["class"][labels["present"]]
    weights = helpers.digit(5).balance(labels, power)
    assert weights is not None
    class_weights_have_mean_one(weights, number)


def test_class_weights_are_inverse_frequency_to_the_power() -> None:
    labels = {"present": np.array([True] * 10 + [False]), "class": np.array([0] * 8 + [1] * 2 + [1])}
    assert helpers.digit(2).balance(labels, 0) == pytest.approx([1, 1])
    full, half = helpers.digit(2).balance(labels, 1), helpers.digit(2).balance(labels, 0.5)
    assert full is not None
    assert half is not None
    assert full[1] / full[0] == pytest.approx(4)
    assert half[1] / half[0] == pytest.approx(2)


def test_a_class_without_samples_has_a_finite_weight_and_no_labels_no_weights() -> None:
    labels = {"present": np.array([True, True]), "class": np.array([0, 1])}
    assert np.isfinite(helpers.digit(3).balance(labels, 0.5)).all()
    assert helpers.digit(3).balance({"present": np.array([False]), "class": np.array([0])}, 0.5) is None


def test_loss_is_cross_entropy_with_class_weights() -> None:
    raw, number = torch.randn(5, 3, generator=helpers.generator()), torch.tensor([0, 1, 2, 0, 1])
    weights = torch.tensor([0.5, 1.0, 2.0])
    found = helpers.digit().loss(raw, {"present": torch.ones(5, dtype=torch.bool), "class": number}, weights)
    expected = -weights[number] * raw.log_softmax(1)[torch.arange(5), number]
    torch.testing.assert_close(found, expected)


def test_loss_is_nothing_when_the_model_is_right() -> None:
    number = torch.tensor([0, 2, 1])
    raw = 30.0 * torch.eye(3)[number]
    assert helpers.digit().loss(raw, {"present": torch.ones(3, dtype=torch.bool), "class": number}, None).max() < 1e-6
    assert (helpers.digit().predict(raw)["probability"].argmax(1) == number).all()


def test_rows_without_a_label_have_no_gradient() -> None:
    raw = torch.randn(12, 3, generator=helpers.generator())
    ignores_rows_without_label(helpers.digit(), raw, helpers.batch({"digit": helpers.digit()}).labels["digit"])


def test_outputs_are_probabilities_with_one_entry_per_sample() -> None:
    found = helpers.digit().predict(torch.randn(4, 3, generator=helpers.generator()))
    one_entry_per_sample(found, 4)
    torch.testing.assert_close(found["probability"].sum(1), torch.ones(4))


def test_the_head_reads_the_last_level_alone() -> None:
    task = helpers.digit()
    assert list(task.levels(3)) == [2]
    head = task.head([Level(5, 8)], (16, 16), 0.0)
    features = torch.randn(4, 5, 2, 2, generator=helpers.generator())
    pooled = torch.cat([features.flatten(2).mean(2), features.flatten(2).amax(2)], 1)
    torch.testing.assert_close(head([features]), pooled @ head.linear.weight.T + head.linear.bias)


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    head = helpers.digit().head([Level(50, 8)], (16, 16), 0.5)
    features = [torch.randn(4, 50, 2, 2, generator=helpers.generator())]
    assert not torch.equal(head.train()(features), head(features))
    assert torch.equal(head.eval()(features), head(features))


def test_score_is_the_strongest_logit() -> None:
    torch.testing.assert_close(helpers.digit().score(torch.tensor([[1.0, 5, 2], [0, -1, -2]])), torch.tensor([5.0, 0]))

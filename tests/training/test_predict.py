"""Promises of predictions on a split."""

import numpy as np
import pytest
import torch

import helpers
from lepton.training import predict


def test_predictions_are_those_of_the_network_row_by_row() -> None:
    model = helpers.model()
    samples = helpers.samples(model.tasks, 7)
    found = predict.predict(model, samples)
    assert list(found) == list(model.tasks)
    model.eval()
    for row in range(7):
        alone = model.predict(model.kind.prepare(torch.from_numpy(samples.inputs[row : row + 1])))
        for task, fields in alone.items():
            for field, value in fields.items():
                np.testing.assert_allclose(found[task][field][row], value[0].detach(), rtol=1e-4, atol=1e-6)


def test_batches_cover_every_row_in_order() -> None:
    samples = helpers.samples(helpers.tasks(), 7)
    kind = helpers.image()
    parts = list(predict.batches(samples, kind, torch.device("cpu"), size=3))
    assert [len(part) for part in parts] == [3, 3, 1]
    assert torch.equal(torch.cat(parts), kind.prepare(torch.from_numpy(samples.inputs)))


@pytest.mark.parametrize("training", [True, False])
def test_predicting_changes_nothing_about_the_network(training: bool) -> None:
    model = helpers.model().train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    predict.predict(model, helpers.samples(model.tasks, 5))
    assert model.training == training
    for name, value in model.state_dict().items():
        assert torch.equal(value.nan_to_num(9), before[name].nan_to_num(9)), name


def test_tasks_without_labels_in_a_split_are_not_measured() -> None:
    model = helpers.model()
    samples = helpers.samples(model.tasks, 9)
    samples.labels["ink"]["present"][:] = False
    found = predict.metrics(model, samples)
    assert set(found) == {"digit", "objects", "tilt"}
    assert all(model.tasks[name].metric in values for name, values in found.items())


def test_metrics_are_those_of_the_labelled_rows() -> None:
    model = helpers.model()
    samples = helpers.samples(model.tasks, 20)
    labelled = np.flatnonzero(samples.labels["digit"]["present"])
    assert 0 < len(labelled) < 20
    one, other = predict.metrics(model, samples), predict.metrics(model, samples.take(labelled))
    assert one["digit"] == other["digit"]


def test_losses_are_means_over_labelled_rows() -> None:
    model = helpers.model()
    samples = helpers.samples(model.tasks, 300)
    samples.labels["ink"]["present"][:] = False
    found = predict.losses(model, samples)
    assert model.training
    model.eval()
    batch = samples.batch(torch.arange(300), torch.device("cpu"))
    raw = model(model.kind.prepare(batch.inputs))
    for name, task in model.tasks.items():
        present = batch.labels[name]["present"]
        expected = float(task.loss(raw[name].detach(), batch.labels[name], None)[present].mean()) if present.any() else 0.0
        assert found[name] == pytest.approx(expected, rel=1e-4)


def test_utility_is_the_mean_over_tasks_where_more_is_better() -> None:
    tasks = helpers.tasks()
    measured = {"digit": {"accuracy": 0.5, "macro_f1": 0.1}, "tilt": {"mae": 10.0, "r2": 0.0}}
    assert predict.utility(tasks, measured) == pytest.approx((0.5 + 0.75) / 2)
    worse = {**measured, "tilt": {"mae": 20.0, "r2": 0.9}}
    assert predict.utility(tasks, worse) < predict.utility(tasks, measured)

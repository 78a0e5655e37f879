"""Promises of models that are asked together, on every kind of task."""

from functools import partial
from itertools import permutations

import numpy as np
import pytest
import torch

import helpers
from lepton.evaluation import ensemble
from lepton.sharing.base import Sharing
from lepton.tasks.detection import Detection
from lepton.training import predict
from lepton.training.predict import Predictions

TASKS = helpers.every_kind()
TEST = helpers.samples(TASKS, 30)


def certain(seed: int) -> Sharing:
    """A network that finds objects; random ones are sure of nothing."""
    model = helpers.model(chosen=TASKS, seed=seed).eval()
    with torch.no_grad():
        model.heads["objects"].said.bias[0] = 0.0
        model.heads["objects"].said.bias[3:5] = 0.5
    return model


MODELS = [certain(seed) for seed in range(3)]
ASKED = [partial(predict.predict, model) for model in MODELS]
MEMBERS = [ask(TEST) for ask in ASKED]
every_way = pytest.mark.parametrize("how", ["average", "majority"])


def same(one: Predictions, other: Predictions, tolerance: float = 0.0) -> None:
    """Boxes are compared as they are measured: a vote has no heat map."""
    assert one.keys() == other.keys()
    for name, task in TASKS.items():
        if isinstance(task, Detection):
            for row in range(len(TEST)):
                found, wanted = (task.objects(predicted[name], row, (16, 16)) for predicted in (one, other))
                assert [item.pop("label") for item in found] == [item.pop("label") for item in wanted]
                values = [[list(item.values()) for item in items] for items in (found, wanted)]
                np.testing.assert_allclose(*values, rtol=tolerance, atol=tolerance)
        else:
            for field, value in one[name].items():
                np.testing.assert_allclose(value, other[name][field], rtol=tolerance, atol=tolerance)


@every_way
def test_one_model_alone_is_left_as_it_is(how: str) -> None:
    assert sum(len(TASKS["objects"].objects(MEMBERS[0]["objects"], row, (16, 16))) for row in range(30)) > 60
    same(ensemble.combine(TASKS, MEMBERS[:1], how), MEMBERS[0])


@every_way
@pytest.mark.parametrize("count", [2, 3, 7])
def test_equal_models_are_left_as_they_are(how: str, count: int) -> None:
    weight = {name: np.arange(1.0, count + 1) for name in TASKS}
    same(ensemble.combine(TASKS, MEMBERS[:1] * count, how, weight), MEMBERS[0])
    same(ensemble.combine(TASKS, MEMBERS[:1] * count, how), MEMBERS[0])


@every_way
def test_their_order_does_not_matter(how: str) -> None:
    weight = np.array([1.0, 2, 2.5])
    first = ensemble.combine(TASKS, MEMBERS, how, dict.fromkeys(TASKS, weight))
    for order in permutations(range(3)):
        again = ensemble.combine(TASKS, [MEMBERS[at] for at in order], how, dict.fromkeys(TASKS, weight[list(order)]))
        same(again, first, 1e-6)


@every_way
def test_it_is_measured_as_any_model_is(how: str) -> None:
    found = predict.evidence(ensemble.ask(TASKS, ASKED, TEST, how, None, (16, 16)), TEST, TASKS, (16, 16))
    assert found.keys() == TASKS.keys()
    for name, evidence in found.items():
        assert TASKS[name].metric in evidence.measure()


def test_the_average_of_numbers_is_their_mean() -> None:
    found = ensemble.combine(TASKS, MEMBERS, "average")
    for name, field in (("digit", "probability"), ("ink", "probability"), ("tags", "probability"), ("tilt", "value")):
        np.testing.assert_allclose(found[name][field], np.mean([one[name][field] for one in MEMBERS], axis=0), rtol=1e-5)
    np.testing.assert_allclose(found["objects"]["score"], np.mean([one["objects"]["score"] for one in MEMBERS], axis=0), rtol=1e-5)


def test_an_average_box_leans_to_the_surer_model() -> None:
    sure, unsure = (
        {"score": np.array([[[score]]], np.float32), "box": np.full((1, 1, 4), side, np.float32)}
        for score, side in ((0.9, 0.2), (0.1, 0.4))
    )
    found = helpers.objects("one").average([sure, unsure], np.ones(2))
    np.testing.assert_allclose(found["box"], np.full((1, 1, 4), 0.22), rtol=1e-6)
    np.testing.assert_allclose(found["score"], [[[0.5]]])


def test_many_noisy_models_are_better_together_than_each_is() -> None:
    """Answers of the truth and noise of their own: the mean and the majority see through it."""
    tasks = {"digit": helpers.digit(), "tilt": helpers.tilt()}
    samples, random = helpers.samples(tasks, 300, missing=0), np.random.default_rng(0)
    truth = np.eye(3)[samples.labels["digit"]["class"]], samples.labels["tilt"]["value"]
    members = [
        {
            "digit": {"probability": truth[0] + random.normal(0, 0.8, (300, 3))},
            "tilt": {"value": truth[1] + random.normal(0, 9, 300)},
        }
        for _ in range(7)
    ]

    def utility(predicted: Predictions) -> float:
        found = predict.evidence(predicted, samples, tasks, (16, 16))
        return predict.utility(tasks, {name: one.measure() for name, one in found.items()})

    for how in ("average", "majority"):
        assert utility(ensemble.combine(tasks, members, how)) > max(map(utility, members)) + 0.05


def test_twice_the_error_is_half_the_weight() -> None:
    tasks = {"digit": helpers.digit(), "tilt": helpers.tilt()}
    validated = [{"digit": {"accuracy": 0.9}, "tilt": {"mae": 4.0}}, {"digit": {"accuracy": 0.8}, "tilt": {"mae": 2.0}}]
    found = ensemble.weights(tasks, validated)
    assert found["digit"][0] / found["digit"][1] == pytest.approx(2)
    assert found["tilt"][0] / found["tilt"][1] == pytest.approx(0.5)


def test_a_perfect_validation_is_not_believed_and_none_is_equal_weights() -> None:
    found = ensemble.weights({"digit": helpers.digit()}, [{"digit": {"accuracy": 1.0}}, {"digit": {"accuracy": 0.0}}])
    assert np.isfinite(found["digit"]).all()
    assert ensemble.weights({"digit": helpers.digit()}, [{}, {}])["digit"].tolist() == [1, 1]


def test_validation_weighs_the_models() -> None:
    valid = helpers.samples(TASKS, 30, seed=1)
    weight = ensemble.weights(TASKS, [predict.metrics(model, valid) for model in MODELS])
    same(ensemble.ask(TASKS, ASKED, TEST, "average", valid, (16, 16)), ensemble.combine(TASKS, MEMBERS, "average", weight), 1e-5)

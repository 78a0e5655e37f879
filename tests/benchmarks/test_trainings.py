"""Promises of a training as a job: it is what the stages train, and the learning rate is chosen without the test split."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import helpers
from benchmarks import trainings
from benchmarks.trainings import Data, Training, changed
from lepton.training import network, predict
from lepton.training.loop import Trainer

PARAMS = helpers.params(baseline={"probe": 0.5})
TASKS = tuple(PARAMS.tasks)


@cache
def data() -> Data:
    splits = [helpers.samples(PARAMS.tasks, rows, seed) for seed, rows in enumerate((48, 24, 24))]
    return Data(*splits, np.ones(48), dict.fromkeys(TASKS), {name: [0.3, 0.5, 0.7] for name in TASKS})


def training(*tasks: str, sharing: str = "adaptive", lrs: tuple[float, ...] = (0.01,)) -> Training:
    one = changed(PARAMS, 3, {"sharing": sharing}, {"epochs": 1})
    return Training(("test_trainings:data",), one, tasks or TASKS, lrs)


def test_a_baseline_is_the_one_that_the_stage_trains() -> None:
    values, arrays = trainings.train(training("digit", sharing="hard"))
    found, params = data(), changed(PARAMS, 3, {"sharing": "hard"}, {"epochs": 1})
    network.seeded(3, "baseline", "digit")
    model = network.build(params, {"digit": PARAMS.tasks["digit"]}, "hard")
    weight_N = found.train.labels["digit"]["present"].astype(float)
    digit = [split.only("digit") for split in (found.train, found.valid, found.test)]
    Trainer(model, params, digit[0], digit[1], weight_N, {"digit": None}, 0.01, 1, "baseline digit").fit()
    assert values["test"] == predict.metrics(model, digit[2])
    assert np.array_equal(arrays["digit"], predict.predict(model, digit[2])["digit"]["probability"])


def test_the_learning_rate_is_the_one_with_the_lowest_validation_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([{"tilt": 3.0}, {"tilt": 1.0}, {"tilt": 2.0}])
    monkeypatch.setattr(trainings.predict, "losses", lambda *_: next(found))
    values, _ = trainings.train(training("tilt", sharing="hard", lrs=(0.003, 0.01, 0.001)))
    assert values["lr"] == 0.01


def test_degrees_start_from_relatedness_and_costs_are_those_of_what_is_left() -> None:
    values, arrays = trainings.train(training())
    assert values["alpha"].keys() == set(TASKS)
    assert values["alpha"]["digit"][0] == pytest.approx(0.3, abs=0.1)
    assert values["alpha"]["digit"][2] == pytest.approx(0.7, abs=0.1)
    assert values["parameters"] > 0
    assert values["macs"] > 0
    assert arrays.keys() == {"digit"}  # what has class probabilities for each row
    assert arrays["digit"].shape == (24, 3)


def test_equal_settings_are_written_in_equal_words() -> None:
    assert training().job("a").file == training().job("a").file


def test_a_training_is_another_by_what_it_reads_alone() -> None:
    one = training()
    blocks = {"evaluate": PARAMS.evaluate.model_copy(update={"explain": 9}), "train": PARAMS.train.model_copy(update={"l1": 0.5})}
    unread, read = (replace(one, params=one.params.model_copy(update={key: blocks[key]})) for key in ("evaluate", "train"))
    assert unread.job("a").file == one.job("a").file
    assert read.job("a").file != one.job("a").file
    assert training().job("a").file != training("digit").job("a").file
    assert training().job("a").file != training(lrs=(0.02,)).job("a").file

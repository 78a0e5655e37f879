"""Promises of regression."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional import mean_absolute_error, r2_score

import helpers
from laws import ignores_rows_without_label, one_entry_per_sample, weighing_repeats_them
from lepton.blocks import Augment
from lepton.types import Source

SOURCE = Source(Path(), (16, 16))


def labels_of(values: list[float]) -> dict[str, torch.Tensor]:
    return {"present": torch.ones(len(values), dtype=torch.bool), "value": torch.tensor(values)}


@given(seed=st.integers(0, 10**6), rows=st.integers(3, 40))
@settings(max_examples=30, deadline=None)
def test_metrics_are_those_of_torchmetrics_in_the_users_unit(seed: int, rows: int) -> None:
    task = helpers.tilt(100, 900)
    labels = helpers.arrays(task, rows, np.random.default_rng(seed), missing=0)
    labels["present"][0] = False
    predicted = {"value": np.random.default_rng(seed + 1).uniform(100, 900, rows).astype(np.float32)}
    found = task.compare(predicted, labels, (16, 16)).measure()
    guess, true = torch.from_numpy(predicted["value"][1:]).double(), torch.from_numpy(labels["value"][1:]).double()
    assert next(iter(found)) == task.metric == "mae"
    assert found["mae"] == pytest.approx(float(mean_absolute_error(guess, true)))
    assert found["r2"] == pytest.approx(float(r2_score(guess, true)))


def test_a_constant_truth_has_no_explained_variance() -> None:
    labels = {"present": np.array([True, True]), "value": np.array([3.0, 3.0], np.float32)}
    found = helpers.tilt().compare({"value": np.array([3.0, 5.0], np.float32)}, labels, (16, 16)).measure()
    assert found == {"mae": 1.0, "r2": 0.0}


@given(st.lists(st.integers(0, 5), min_size=2, max_size=12))
@settings(max_examples=20, deadline=None)
def test_measuring_repeated_rows_is_measuring_a_table_that_repeats_them(rows: list[int]) -> None:
    task = helpers.tilt()
    labels = helpers.arrays(task, 12, np.random.default_rng(3), missing=0.4)
    predicted = {"value": np.linspace(-40, 40, 12, dtype=np.float32)}
    weighing_repeats_them(task, predicted, labels, np.array(rows), 16)


def test_outputs_are_in_the_users_unit() -> None:
    found = helpers.tilt(100, 900).predict(torch.tensor([[-1.0], [0.0], [1.0]]))
    one_entry_per_sample(found, 3)
    torch.testing.assert_close(found["value"], torch.tensor([100.0, 500, 900]))


@given(st.floats(-1e3, 1e3), st.floats(0.1, 1e3), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_loss_is_nothing_where_the_prediction_is_the_label(low: float, span: float, share: float) -> None:
    task = helpers.tilt(low, low + span)
    raw = torch.tensor([[2 * share - 1]])
    value = float(task.predict(raw)["value"])
    assert task.loss(raw, labels_of([value]), None) < 1e-2
    assert task.loss(raw + 1, labels_of([value]), None) > 1


def test_loss_does_not_depend_on_the_unit() -> None:
    raw = torch.randn(6, 1, generator=helpers.generator())
    share = torch.linspace(0, 1, 6)
    metres, feet = helpers.tilt(0, 10), helpers.tilt(0, 32.8)
    one, other = (task.loss(raw, labels_of((share * task.range[1]).tolist()), None) for task in (metres, feet))
    torch.testing.assert_close(one, other)


def test_loss_is_hubers() -> None:
    raw = torch.tensor([[0.1], [0.5], [-2.0]])
    found = helpers.tilt(-1, 1).loss(raw, labels_of([0.0, 0.0, 0.0]), None)
    expected = 4 * torch.nn.functional.huber_loss(raw[:, 0], torch.zeros(3), reduction="none", delta=0.25) / 0.25
    torch.testing.assert_close(found, expected)


def test_rows_without_a_label_have_no_gradient() -> None:
    raw = torch.randn(12, 1, generator=helpers.generator())
    ignores_rows_without_label(helpers.tilt(), raw, helpers.batch({"tilt": helpers.tilt()}).labels["tilt"])


@pytest.mark.parametrize("kind", ["float64", "float32", "Float64", "object"])
def test_numbers_keep_their_unit_and_null_has_none(kind: str) -> None:
    found = helpers.tilt().encode(pd.Series([1.5, None, -40], dtype=kind), SOURCE)
    np.testing.assert_array_equal(found["present"], [True, False, True])
    np.testing.assert_array_equal(found["value"], np.array([1.5, 0, -40], np.float32))
    assert found["value"].dtype == np.float32


def test_only_values_out_of_range_are_faults() -> None:
    column = pd.Series([-40, 40, 40.5, None, float("inf")], index=list("abcde"))
    faults = helpers.tilt().faults(column, SOURCE)
    assert faults["out of range"].to_dict() == {"a": False, "b": False, "c": True, "d": False, "e": True}


def test_expectations_name_the_range() -> None:
    (one,) = helpers.tilt().expectations(helpers.params().validate_)
    assert one.options == {"min_value": -40, "max_value": 40}
    assert one.mostly == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("moves_with", "expected"),
    [("", lambda v, w: v), ("rotation", lambda v, w: v + w.angle_B), ("scale", lambda v, w: v * w.scale_B)],
)
def test_a_value_moves_with_what_it_is_said_to_move_with(moves_with: str, expected: object) -> None:
    task = helpers.tilt(moves_with=moves_with)
    batch = helpers.batch({"tilt": task})
    plan = Augment(rotate=30, scale=0.2)
    _, warp = helpers.image().augment(batch.inputs, plan, generator=helpers.generator())
    before = batch.labels["tilt"]
    moved = task.move(before, warp)
    torch.testing.assert_close(moved["value"], expected(before["value"], warp))
    assert torch.equal(moved["present"], before["present"])


def test_an_angle_grows_clockwise_as_the_picture_turns() -> None:
    """A pointer from the centre at 20 degrees, clockwise from the right, turned by the augmentation."""
    side, task = 33, helpers.tilt(-180, 180, moves_with="rotation")
    angle = torch.tensor([20.0] * 6)
    images = torch.zeros(6, 3, side, side)
    for length in range(4, 14):
        turn = np.deg2rad(20)
        images[:, :, round(16 + length * np.sin(turn)), round(16 + length * np.cos(turn))] = 1
    moved, warp = helpers.image(side).augment(images, Augment(rotate=60), generator=helpers.generator())
    assert warp.angle_B.min() < -20
    assert warp.angle_B.max() > 20
    axis = torch.arange(side) - 16.0
    light = moved[:, 0]
    found = torch.rad2deg(torch.atan2((light.sum(2) * axis).sum(1), (light.sum(1) * axis).sum(1)))
    expected = task.move({"present": torch.ones(6, dtype=torch.bool), "value": angle}, warp)["value"]
    assert (found - expected).abs().max() < 2


def test_an_angle_forbids_flips() -> None:
    assert not helpers.tilt(moves_with="rotation").flips
    assert helpers.tilt(moves_with="scale").flips
    assert helpers.tilt().flips


def test_utility_is_one_when_perfect_and_zero_at_half_the_range() -> None:
    assert helpers.tilt(0, 10).utility(0) == 1
    assert helpers.tilt(0, 10).utility(5) == 0
    assert helpers.digit().utility(0.7) == 0.7

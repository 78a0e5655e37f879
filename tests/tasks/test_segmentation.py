"""Promises of segmentation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import multiclass_jaccard_index

import helpers
from laws import class_weights_have_mean_one, ignores_rows_without_label, one_entry_per_sample, weighing_repeats_them
from lepton.blocks import Augment
from lepton.tasks.base import Level
from lepton.types import Source

SOURCE = Source(Path(), (16, 16))


def raw_of(mask: torch.Tensor, classes: int, strength: float = 30.0) -> torch.Tensor:
    return strength * torch.eye(classes)[mask.long()].permute(0, 3, 1, 2)


@given(seed=st.integers(0, 10**6), classes=st.integers(2, 4))
@settings(max_examples=20, deadline=None)
def test_metrics_are_those_of_torchmetrics(seed: int, classes: int) -> None:
    task, random = helpers.ink(*map(str, range(classes))), np.random.default_rng(seed)
    labels = helpers.arrays(task, 6, random, side=4)
    guess = random.integers(classes, size=(6, 4, 4))
    guess = np.where(random.random((6, 4, 4)) < 0.5, guess, labels["mask"])
    predicted = {"probability": np.eye(classes)[guess].transpose(0, 3, 1, 2)}
    found = task.compare(predicted, labels, (4, 4)).measure()
    has = labels["present"]
    pair = torch.from_numpy(guess[has]), torch.from_numpy(labels["mask"][has].astype(int))
    expected = multiclass_jaccard_index(*pair, classes, average="none")
    assert next(iter(found)) == task.metric == "iou"
    assert found["iou"] == pytest.approx(float(expected[1:].mean()))
    assert found["iou_background"] == pytest.approx(float(expected[0]))


def test_a_class_that_is_nowhere_says_nothing() -> None:
    labels = {"present": np.array([True]), "mask": np.array([[[0, 1]]], np.uint8)}
    predicted = {"probability": np.eye(3)[labels["mask"]].transpose(0, 3, 1, 2)}
    assert helpers.ink("a", "b", "c").compare(predicted, labels, (1, 2)).measure()["iou"] == 1


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12))
@settings(max_examples=20, deadline=None)
def test_measuring_repeated_rows_is_measuring_a_table_that_repeats_them(rows: list[int]) -> None:
    task = helpers.ink("a", "b", "c")
    labels = helpers.arrays(task, 12, np.random.default_rng(3), missing=0.4, side=4)
    predicted = {"probability": np.random.default_rng(4).random((12, 3, 4, 4))}
    weighing_repeats_them(task, predicted, labels, np.array(rows), 4)


def test_masks_come_back_and_null_has_none(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).integers(2, size=(16, 16), dtype=np.uint8)
    (tmp_path / "mask.png").write_bytes(helpers.encoded(mask))
    found = helpers.ink().encode(pd.Series([helpers.encoded(mask), None, "mask.png"]), Source(tmp_path, (16, 16)))
    np.testing.assert_array_equal(found["present"], [True, False, True])
    assert found["mask"].dtype == np.uint8
    np.testing.assert_array_equal(found["mask"], [mask, np.zeros_like(mask), mask])


def test_masks_that_cannot_be_read_or_do_not_fit_are_faults() -> None:
    good = np.zeros((16, 16), np.uint8)
    cells = [helpers.encoded(good), helpers.encoded(good + 1), helpers.encoded(good + 2), helpers.encoded(good[:8]), b"no", None]
    faults = helpers.ink().faults(pd.Series(cells), SOURCE)
    assert faults["unusable mask"].tolist() == [False, False, True, True, True, False]


def test_every_fault_has_an_expectation() -> None:
    (one,) = helpers.ink().expectations(helpers.params().validate_)
    assert one.column == "ink: unusable mask"
    assert one.options == {"value_set": [False]}


@given(seed=st.integers(0, 10**6), power=st.sampled_from([0, 0.5, 1]))
@settings(max_examples=10, deadline=None)
def test_class_weights_have_mean_one_over_the_pixels(seed: int, power: float) -> None:
    task = helpers.ink("a", "b", "c")
    labels = helpers.arrays(task, 8, np.random.default_rng(seed), side=4)
    weights = task.balance(labels, power)
    assert weights is not None
    class_weights_have_mean_one(weights, labels["mask"][labels["present"]].ravel())
    assert task.balance({**labels, "present": np.zeros(8, bool)}, power) is None


def test_loss_is_the_mean_cross_entropy_of_the_pixels_and_what_the_soft_dice_lacks() -> None:
    task, labels = helpers.ink(), helpers.batch({"ink": helpers.ink()}, rows=3, missing=0).labels["ink"]
    raw, weights = torch.randn(3, 2, 16, 16, generator=helpers.generator()), torch.tensor([0.5, 2.0])
    mask = labels["mask"].long()
    pixel = -raw.log_softmax(1).gather(1, mask[:, None])[:, 0] * weights[mask]
    chance = raw.softmax(1)
    lacks = torch.zeros(3)
    for row in range(3):
        for number in range(2):
            true, guess = (mask[row] == number).float(), chance[row, number]
            lacks[row] += (1 - (2 * (true * guess).sum() + 1) / (true.sum() + guess.sum() + 1)) / 2
    torch.testing.assert_close(task.loss(raw, labels, weights), pixel.mean((1, 2)) + lacks)


def test_loss_is_nothing_when_the_model_is_right() -> None:
    labels = helpers.batch({"ink": helpers.ink()}, missing=0).labels["ink"]
    raw = raw_of(labels["mask"], 2)
    assert helpers.ink().loss(raw, labels, None).max() < 1e-6
    assert (helpers.ink().predict(raw)["probability"].argmax(1) == labels["mask"]).all()


def test_rows_without_a_label_have_no_gradient() -> None:
    raw = torch.randn(12, 2, 16, 16, generator=helpers.generator())
    ignores_rows_without_label(helpers.ink(), raw, helpers.batch({"ink": helpers.ink()}).labels["ink"])


def test_outputs_are_probabilities_with_one_entry_per_sample() -> None:
    found = helpers.ink().predict(torch.randn(4, 2, 8, 8, generator=helpers.generator()))
    one_entry_per_sample(found, 4)
    torch.testing.assert_close(found["probability"].sum(1), torch.ones(4, 8, 8))


@pytest.mark.parametrize("size", [(16, 16), (16, 24), (15, 16), (13, 18)])
def test_the_head_answers_every_pixel_of_any_size(size: tuple[int, int]) -> None:
    height, width = size
    levels, features = [], []
    for level, channels in enumerate((3, 4, 5)):
        height, width = -(-height // 2), -(-width // 2)
        levels.append(Level(channels, 2 ** (level + 1)))
        features.append(torch.randn(2, channels, height, width, generator=helpers.generator()))
    head = helpers.ink().head(levels, size, 0.0)
    assert head(features).shape == (2, 2, *size)


@given(plan=st.sampled_from([Augment(rotate=30), Augment(flip=True), Augment(scale=0.2, shift=0.2), Augment(rotate=15, flip=True)]))
@settings(max_examples=4, deadline=None)
def test_masks_move_with_the_pixels(plan: Augment) -> None:
    """A picture that shows its own mask still shows it afterwards."""
    side, rows = 32, 12
    mask = torch.zeros(rows, side, side, dtype=torch.uint8)
    mask[:, 8:20, 10:26] = 1
    mask[:, 16:24, 10:14] = 1
    images = 2 * mask[:, None].float().expand(rows, 3, side, side) - 1
    moved, warp = helpers.image(side).augment(images, plan, generator=helpers.generator())
    labels = helpers.ink().move({"present": torch.ones(rows, dtype=torch.bool), "mask": mask}, warp)
    assert labels["mask"].dtype == torch.uint8
    assert (labels["mask"] != mask).any()
    seen, told = moved[:, 0] > 0, labels["mask"] > 0
    iou = (seen & told).sum((1, 2)) / (seen | told).sum((1, 2))
    assert iou.min() > 0.9


def test_moving_keeps_class_numbers() -> None:
    task = helpers.ink("a", "b", "c", "d")
    batch = helpers.batch({"ink": task}, missing=0)
    _, warp = helpers.image().augment(batch.inputs, Augment(rotate=90, scale=0.3), generator=helpers.generator())
    assert set(task.move(batch.labels["ink"], warp)["mask"].unique().tolist()) <= {0, 1, 2, 3}


def test_score_counts_what_leads_over_the_background() -> None:
    raw = torch.tensor([[[[0.0, 2]], [[3, 1]]]])
    torch.testing.assert_close(helpers.ink().score(raw), torch.tensor([3.0]))

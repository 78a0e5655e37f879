"""Promises of prepared samples."""

from pathlib import Path

import numpy as np
import pytest
import torch

import helpers
from laws import same_bytes
from lepton.data.store import Samples

CPU = torch.device("cpu")


def equal(one: Samples, other: Samples) -> None:
    assert one.ids == other.ids
    np.testing.assert_array_equal(one.inputs, other.inputs)
    assert one.inputs.dtype == other.inputs.dtype
    assert one.labels.keys() == other.labels.keys()
    for task, fields in one.labels.items():
        assert fields.keys() == other.labels[task].keys()
        for field, array in fields.items():
            assert array.dtype == other.labels[task][field].dtype
            np.testing.assert_array_equal(array, other.labels[task][field])


@pytest.mark.parametrize("rows", [0, 1, 9])
def test_what_is_saved_comes_back(tmp_path: Path, rows: int) -> None:
    written = helpers.samples(helpers.tasks(), 9).take(np.arange(rows))
    written.save(tmp_path)
    read = Samples.load(tmp_path)
    equal(written, read)
    assert len(read) == rows
    assert isinstance(read.inputs, np.memmap)


def test_saving_twice_writes_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        helpers.samples(helpers.tasks(), 5).save(tmp_path / folder)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "two").iterdir())
    assert {"input.npy", "rows.json", "objects.box.npy", "digit.present.npy"} <= set(names)
    for name in names:
        same_bytes(tmp_path / "one" / name, tmp_path / "two" / name)


def test_saving_leaves_nothing_of_an_older_set(tmp_path: Path) -> None:
    helpers.samples(helpers.tasks(), 9).save(tmp_path / "set")
    smaller = helpers.samples({"digit": helpers.digit()}, 4)
    smaller.save(tmp_path / "set")
    equal(smaller, Samples.load(tmp_path / "set"))


def test_a_batch_is_its_rows_in_order_with_repeats(tmp_path: Path) -> None:
    helpers.samples(helpers.tasks(), 9).save(tmp_path)
    samples = Samples.load(tmp_path)
    batch = samples.batch(torch.tensor([7, 0, 7]), CPU)
    np.testing.assert_array_equal(batch.inputs, samples.inputs[[7, 0, 7]])
    assert batch.inputs.dtype == torch.uint8
    for task, fields in samples.labels.items():
        for field, array in fields.items():
            np.testing.assert_array_equal(batch.labels[task][field], array[[7, 0, 7]])


def test_writing_into_a_batch_leaves_the_samples_alone(tmp_path: Path) -> None:
    helpers.samples(helpers.tasks(), 4).save(tmp_path)
    samples = Samples.load(tmp_path)
    before = np.array(samples.inputs)
    samples.batch(torch.arange(4), CPU).inputs.zero_()
    np.testing.assert_array_equal(samples.inputs, before)
    np.testing.assert_array_equal(Samples.load(tmp_path).inputs, before)


def test_taking_rows_takes_everything_of_them() -> None:
    samples = helpers.samples(helpers.tasks(), 9)
    taken = samples.take(np.array([3, 3, 1]))
    assert taken.ids == ["3", "3", "1"]
    np.testing.assert_array_equal(taken.inputs, samples.inputs[[3, 3, 1]])
    np.testing.assert_array_equal(taken.labels["ink"]["mask"], samples.labels["ink"]["mask"][[3, 3, 1]])


def test_choosing_tasks_keeps_the_rows() -> None:
    samples = helpers.samples(helpers.tasks(), 9)
    chosen = samples.only("tilt", "digit")
    assert list(chosen.labels) == ["tilt", "digit"]
    assert len(chosen) == 9
    assert list(samples.labels) == list(helpers.tasks())

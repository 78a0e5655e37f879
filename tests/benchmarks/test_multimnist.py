"""Promises of MultiMNIST: the recipe, no picture on two splits, and what is claimed."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from benchmarks import multimnist
from laws import one_line

ROWS = 40


def written(folder: Path, brightness: int) -> None:
    """A tiny set in MNIST's format: picture n is even grey, its class is n mod 10."""
    folder.mkdir()
    for part in ("train", "t10k"):
        pictures = (np.arange(ROWS)[:, None, None] + np.full((ROWS, 28, 28), brightness)).astype(np.uint8)
        classes = (np.arange(ROWS) % 10).astype(np.uint8)
        for name, array in ((f"{part}-images-idx3-ubyte.gz", pictures), (f"{part}-labels-idx1-ubyte.gz", classes)):
            head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            (folder / name).write_bytes(gzip.compress(head + array.tobytes()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    written(tmp_path / "mnist", 50)
    written(tmp_path / "fashion_mnist", 150)
    return tmp_path


def test_left_lies_top_left_right_bottom_right_and_the_brighter_pixel_wins() -> None:
    left, right = np.full((1, 28, 28), 40, np.uint8), np.full((1, 28, 28), 200, np.uint8)
    pair = multimnist.composed(left, right)
    assert pair.shape == (1, 1, 28, 28)
    assert pair.dtype == np.uint8
    assert pair[0, 0, 2, 2] == 40
    assert pair[0, 0, 25, 25] == 200
    assert pair[0, 0, 14, 14] == 200
    assert pair[0, 0, 2, 25] == pair[0, 0, 25, 2] == 0


def test_a_pair_is_labelled_with_its_two_pictures(folder: Path) -> None:
    data = multimnist.load("MultiMNIST", folder, ROWS)
    for split in (data.train, data.valid, data.test):
        assert np.array_equal((split.inputs[:, 0, 2, 2] - 50) % 10, split.labels["left"]["class"])
        assert all(fields["present"].all() for fields in split.labels.values())


def test_no_picture_is_on_two_splits(folder: Path) -> None:
    data = multimnist.load("MultiMNIST", folder, ROWS)
    train, valid = ({int(grey) for grey in split.inputs[:, 0, 2, 2]} for split in (data.train, data.valid))
    assert len(train) == 36
    assert len(valid) == 4
    assert not train & valid


def test_clothing_lies_on_the_right(folder: Path) -> None:
    data = multimnist.load("Multi-Fashion+MNIST", folder, ROWS)
    assert (data.train.inputs[:, 0, 2, 2] < 100).all()
    assert (data.train.inputs[:, 0, 25, 25] >= 150).all()
    assert np.array_equal(data.train.inputs[:, 0, 25, 25] % 10, data.train.labels["right"]["class"])


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    one_line(lambda: multimnist.pictures(tmp_path, "train", 1), "train-images-idx3-ubyte.gz", "--data DIR")


def found(default: float, other: float, spread: float) -> dict[str, dict[str, np.ndarray]]:
    """Accuracies with resamples around them, the default's correlated with nobody's."""
    noise = np.concatenate([[0], np.random.default_rng(0).normal(0, spread, 400)])
    values = {"single-task": 90 + 0 * noise, "MGDA": other + 0 * noise, multimnist.DEFAULT: default + noise}
    return {method: {"left": value, "right": value} for method, value in values.items()}


@pytest.mark.parametrize(
    ("default", "other", "spread", "holds"),
    [
        (95.0, 94.0, 0.1, [True, True, True]),
        (94.9, 95.0, 0.3, [True, True, True]),  # below, but not significantly
        (94.0, 95.0, 0.1, [False, False, True]),
        (89.0, 89.0, 0.1, [False, False, False]),  # the best other is single-task
    ],
)
def test_claims_say_whether_the_default_is_significantly_below_the_best(
    default: float, other: float, spread: float, holds: list[bool]
) -> None:
    said = multimnist.claims("MultiMNIST", found(default, other, spread))
    assert [one.holds for one in said] == holds
    assert ("MGDA" if other > 90 else "single-task") in said[0].claim

"""Promises of training on several processes, on two of them with gloo."""

from pathlib import Path
from typing import Any

import pair
import pytest
import torch

from laws import close, one_line
from lepton.blocks import Compute, Train
from lepton.training import distributed


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """What one process finds, and the checkpoint of epoch 2 that it leaves behind."""
    folder = tmp_path_factory.mktemp("alone")
    return folder, pair.everything(folder)


@pytest.fixture(scope="module")
def both(alone: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """What each of two processes finds; `checkpoints` goes on from what one process left behind."""
    folder = tmp_path_factory.mktemp("both")
    (folder / "one.0.pt").write_bytes((alone[0] / "two.pt").read_bytes())
    return folder, pair.together(folder)


def same_numbers(found: dict[str, Any], expected: dict[str, Any], tolerance: float) -> None:
    assert found["state"].keys() == expected["state"].keys()
    for name, value in expected["state"].items():
        torch.testing.assert_close(found["state"][name], value, rtol=tolerance, atol=tolerance, equal_nan=True, msg=name)
    close(found["mean"], expected["mean"], tolerance)
    assert found["seen"] == expected["seen"]
    assert len(found["history"]) == len(expected["history"])
    for row, wanted in zip(found["history"], expected["history"], strict=True):
        assert row == pytest.approx(wanted, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("name", pair.SETTINGS)
def test_two_processes_train_as_one_does(name: str, alone: tuple, both: tuple) -> None:
    same_numbers(both[1][0]["fits"][name], alone[1]["fits"][name], 1e-5 if name in pair.STATE else 1e-9)


def test_the_law_can_fail(alone: tuple) -> None:
    fits = alone[1]["fits"]
    with pytest.raises(AssertionError):
        same_numbers(fits["adaptive"], fits["stateful"], 1e-5)


@pytest.mark.parametrize("name", pair.SETTINGS)
def test_both_processes_hold_the_same_bits_before_any_is_told_the_others(name: str, both: tuple) -> None:
    first, second = (found["fits"][name]["lived"] for found in both[1])
    assert first.keys() == second.keys()
    for key, value in first.items():
        torch.testing.assert_close(second[key], value, rtol=0, atol=0, equal_nan=True, msg=key)


def test_norms_see_the_rows_of_all_processes(alone: tuple, both: tuple) -> None:
    for found in both[1]:
        for key, expected in alone[1]["norms"].items():
            close(found["norms"][key], expected, 1e-11)


def test_a_checkpoint_of_one_process_is_gone_on_from_by_two_and_the_reverse(alone: tuple, both: tuple) -> None:
    whole = alone[1]["checkpoints"]
    assert [row["epoch"] for row in whole["history"]] == [1, 2, 3]
    same_numbers(both[1][0]["checkpoints"], whole, 1e-4)
    plan = pair.params(**pair.RESUMED)
    one = pair.trainer(pair.Short, plan, 0.3, valid=pair.helpers.samples(plan.tasks, 12, seed=2), keep=both[0] / "two.pt")
    same_numbers(pair.outcome(one, one.fit()), whole, 1e-4)


def test_a_step_with_a_sharded_trunk_is_that_of_a_whole_one(alone: tuple, both: tuple) -> None:
    whole, (first, second) = alone[1]["sharded"], (found["sharded"] for found in both[1])
    assert first["held"] + second["held"] == whole["held"]
    assert first["state"].keys() == whole["state"].keys()
    for name, value in whole["state"].items():
        torch.testing.assert_close(first["state"][name], value, rtol=1e-9, atol=1e-9, equal_nan=True, msg=name)


def test_only_the_first_process_tells_and_keeps(both: tuple) -> None:
    first, second = (found["checkpoints"] for found in both[1])
    assert first["told"] == [1, 2]
    assert second["told"] == []
    assert (first["kept"], second["kept"]) == (True, False)


def test_alone_nothing_is_sent_and_nothing_changes() -> None:
    value = torch.ones(2)
    assert distributed.total(value) is value
    assert distributed.same(value) is value
    assert (distributed.rank(), distributed.size()) == (0, 1)
    with distributed.joined(Compute()):
        assert distributed.size() == 1
    norm = torch.nn.BatchNorm2d(2)
    with pair.synchronised(norm):
        assert type(norm) is torch.nn.BatchNorm2d


def test_a_batch_that_does_not_part_evenly_is_one_line() -> None:
    distributed.require_even(Train(batch_size=12, accumulate=3))
    one_line(lambda: distributed.require_even(Train(batch_size=10, accumulate=3)), "train.batch_size", "10", "multiple of 3")

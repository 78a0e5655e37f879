"""A training process that is killed goes on where it was, and ends with the same weights to the bit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_loop import same, saved, trainer

from laws import same_bytes
from lepton.training import checkpoint

TESTS = Path(__file__).resolve().parents[1]
CODE = "import sys; from pathlib import Path; from test_loop import trainer; trainer(keep=Path(sys.argv[1])).fit()"
KILLED = {
    "in the middle of an epoch": {"at": "lepton.training.loop:Trainer._step", "when": "before", "call": 7},  # of four steps each
    "writing a checkpoint": {"at": "torch.serialization:save", "when": "half", "argument": 1, "call": 2},
}


def kill(keep: Path, point: dict) -> None:
    """A training in a process of its own, which is ended with SIGKILL at `point`."""
    paths = [TESTS / "faults/inject", TESTS, TESTS / "training", TESTS.parent / "src"]
    fault = {"LEPTON_FAULT": json.dumps([{"process": "trainer", **point}]), "LEPTON_FAULT_LOG": str(keep.with_suffix(".log"))}
    variables = {**os.environ, **fault, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, "-c", CODE, str(keep)]
    done = subprocess.run(command, env=variables, start_new_session=True, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr


@pytest.mark.parametrize("point", KILLED.values(), ids=KILLED)
def test_a_killed_training_ends_with_the_same_weights(tmp_path: Path, point: dict) -> None:
    whole = trainer()
    expected = whole.fit()
    kill(tmp_path / "a.pt", point)
    kept = checkpoint.load(tmp_path / "a.pt")
    assert kept is not None
    assert kept["epoch"] == 1, "the checkpoint before the kill is whole"
    again = trainer(seed=99, keep=tmp_path / "a.pt")
    same(again.fit(), expected)
    same_bytes(saved(again.model, tmp_path / "again"), saved(whole.model, tmp_path / "whole"))

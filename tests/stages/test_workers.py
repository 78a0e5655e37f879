"""The train stage on two processes of its own."""

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import helpers
from lepton import files
from lepton.config import Params, parse
from lepton.stages import train, workers
from lepton.stages.runner import Stage
from lepton.tracking.tracker import NoTracker

ROOT = Path(__file__).parents[2]


def project(root: Path, **train: object) -> Params:
    """What the stage reads, for two processes."""
    plain = yaml.safe_load(helpers.PARAMS)
    plain["train"] |= {"epochs": 2, "optimizer": "momentum", **train}
    plain["compute"]["processes"] = 2
    files.write_text(root / "params.yaml", yaml.safe_dump(plain))
    params = parse(yaml.safe_dump(plain))
    shutil.copy(ROOT / "dvc.yaml", root)
    for seed, side in enumerate(("train", "valid")):
        helpers.samples(params.tasks, 32, seed).save(root / "artifacts/prepare" / side)
    files.write_array(root / "artifacts/prepare/train_weights.npy", np.ones(32))
    files.write_json(root / "artifacts/prepare/summary.json", {"class_weights": dict.fromkeys(params.tasks)})
    files.write_json(
        root / "artifacts/relate/relatedness.json",
        {"alpha": {name: [0.5] * 3 for name in params.tasks}, "groups": [[*params.tasks]]},
    )
    return params


def run(root: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LEPTON_HOME": str(root / ".lepton"), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    command = [sys.executable, "-m", "lepton.stages.train"]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_two_processes_leave_one_model_and_one_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two, one = tmp_path / "two", tmp_path / "one"
    project(two)
    done = run(two)
    assert done.returncode == 0, done.stderr
    params = project(one)
    monkeypatch.chdir(one)
    train.work(Stage("train", params, NoTracker(), one / ".lepton", "key"))
    ours, theirs = (pd.read_csv(root / "artifacts/train/history.csv") for root in (two, one))
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-2, atol=1e-3)
    assert {file.name for file in (two / "artifacts/train").iterdir()} == {
        file.name for file in (one / "artifacts/train").iterdir()
    }
    (record,) = (two / ".lepton/records/train").iterdir()
    assert json.loads(record.read_text())["training_seconds"] > 0
    assert not list((two / ".lepton").rglob("*.pt"))


def test_what_all_processes_find_out_is_said_once(tmp_path: Path) -> None:
    project(tmp_path, batch_size=15)
    done = run(tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "train.batch_size" in done.stderr


@pytest.mark.parametrize(("code", "crashed"), [(1, True), (2, False), (0, False)])
def test_a_helper_that_crashed_ends_the_stage(
    code: int, crashed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    helper = multiprocessing.get_context("spawn").Process(target=exec, args=(f"raise SystemExit({code})",))
    helper.start()
    workers._watch("train", [helper], threading.Event())
    assert ended == [1] * crashed
    assert ("error: train: process 1 ended with 1." in capsys.readouterr().err) == crashed

"""The adapt stage on the tiny project: its files, its bytes, and a project without new tasks."""

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

import helpers
from lepton.adaptation import scratch
from lepton.config import Params
from lepton.stages import adapt
from lepton.stages.runner import Stage
from lepton.tracking.tracker import NoTracker
from lepton.training import network

NEW = {"unseen": {"type": "classification", "column": "unseen", "shots": [1, 2]}}
SHORT = {"episodes": 8, "queries": 3, "test_episodes": 45}


def project(folder: Path, **blocks: dict) -> Params:
    """A trained network and prepared splits of random rows in `folder`."""
    params = helpers.params(adapt=SHORT, **blocks)
    for seed, side in enumerate(("train", "valid")):
        helpers.samples(params.tasks, 40, seed).save(folder / "artifacts/prepare" / side)
    helpers.samples({name: helpers.digit() for name in params.new_tasks}, 40, 2).save(folder / "artifacts/prepare/new_tasks")
    network.save(helpers.model(chosen=params.tasks), folder / "artifacts/train/model.safetensors")
    return params


def run(folder: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> tuple[dict, Stage]:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(scratch, "EPISODES", 4)
    stage = Stage("adapt", params, NoTracker(), folder / ".lepton", "key")
    adapt.work(stage)
    return json.loads((folder / "artifacts/adapt/metrics.json").read_text()), stage


def test_it_writes_what_the_page_reads_and_the_same_bytes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    for name in ("one", "two"):
        params = project(tmp_path / name, new_tasks=NEW)
        trained = (tmp_path / name / "artifacts/train/model.safetensors").read_bytes()
        metrics, stage = run(tmp_path / name, params, monkeypatch)
        assert (tmp_path / name / "artifacts/train/model.safetensors").read_bytes() == trained
        written.append({path.name: path.read_bytes() for path in (tmp_path / name / "artifacts/adapt").iterdir()})
    assert written[0] == written[1]
    assert written[0].keys() == {"adapter.safetensors", "metrics.json"}

    assert metrics["new_tasks"].keys() == {"unseen"}
    assert metrics["new_tasks"]["unseen"].keys() == {"1", "2"}
    for methods in metrics["new_tasks"]["unseen"].values():
        assert methods.keys() == {params.adapt.method, "centroid", "ridge", "scratch"}
        assert [value["episodes"] for value in methods.values()] == [45, 45, 45, 4]
        assert all(0 <= value["mean"] <= 1 and value["ci95"] >= 0 for value in methods.values())
    assert metrics["chosen"] in {params.adapt.method, "centroid", "ridge"}
    assert metrics["forgetting"] == dict.fromkeys(params.tasks, 0.0)
    assert metrics["unchanged"] is True
    milliseconds = stage.record["milliseconds"]["unseen"]
    assert milliseconds.keys() == {"1", "2"}
    assert all(value > 0 for methods in milliseconds.values() for value in methods.values())


def test_without_new_tasks_the_adapter_is_still_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics, _ = run(tmp_path, project(tmp_path), monkeypatch)
    assert {key: metrics[key] for key in ("new_tasks", "chosen", "forgetting")} == {
        "new_tasks": {},
        "chosen": None,
        "forgetting": {},
    }
    assert "new_tasks" in metrics["note"]
    adapter = load_file(tmp_path / "artifacts/adapt/adapter.safetensors")
    assert adapter["map.weight"].shape[1] == len(adapter["standard.mean"]) == len(adapter["standard.std"])


def test_without_a_classification_task_the_closed_form_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = project(tmp_path, new_tasks=NEW)
    params = params.model_copy(update={"tasks": {name: task for name, task in params.tasks.items() if name != "digit"}})
    network.save(helpers.model(chosen=params.tasks), tmp_path / "artifacts/train/model.safetensors")
    for side in ("train", "valid"):
        (tmp_path / "artifacts/prepare" / side / "digit.class.npy").unlink()
    metrics, _ = run(tmp_path, params, monkeypatch)
    assert metrics["chosen"] == "centroid"
    assert metrics["validation"] == {}

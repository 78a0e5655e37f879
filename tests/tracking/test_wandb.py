"""What a stage told W&B is read back from the offline run, and nothing else is in it."""

import logging

import numpy as np
import offline
import pytest
from PIL import Image

import toy
from lepton import tracking
from lepton.config import load
from lepton.environment import home
from lepton.tracking.tracker import NoTracker

ROWS = [["a", 1.5], ["b", 2.5]]


@pytest.fixture
def tracked(project, monkeypatch, tmp_path):
    monkeypatch.delenv("LEPTON_TRACKING")
    monkeypatch.setenv("LEPTON_RUN", "run-7")
    for name, place in {"DIR": "", "CACHE_DIR": "wandb-cache", "DATA_DIR": "wandb-data"}.items():
        monkeypatch.setenv(f"WANDB_{name}", str(home() / place))
    monkeypatch.setenv("WANDB_MODE", "offline")
    return project


def tell(tracker, folder):
    picture = folder / "picture.png"
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(picture)
    model = folder / "model.bin"
    model.write_bytes(bytes(1000))
    for epoch in range(3):
        tracker.log({"loss.digit": 1 / (epoch + 1)}, step=epoch)
    tracker.log({"loss.ink": 3.0}, step=0)  # the next network of the stage
    tracker.summary({"tasks": {"digit": {"accuracy": 0.9}}, "samples_seen": 12})
    tracker.table("gains", ["task", "gain"], ROWS)
    tracker.image("sample", picture)
    tracker.figure("curve", picture)
    tracker.artifact("model", "model", [model], {"parameters": 7})
    return tracker.finish(ok=True)


def test_history_config_and_artifact_are_read_back(tracked, tmp_path):
    record = tell(tracking.start("first", load()), tmp_path)
    run = offline.read(home() / record["dir"])
    assert record["dir"].endswith(record["id"])
    assert (run.group, run.job_type, run.exit_code) == ("run-7", "first", 0)
    assert [(row["step"], row["loss.digit"]) for row in run.history if "loss.digit" in row] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert [row["step"] for row in run.history if "loss.ink" in row] == [0]
    assert run.summary["tasks.digit.accuracy"] == 0.9
    assert run.artifacts["model"] == ["model.bin"]
    assert run.config["tasks"]["digit"]["classes"] == [0, 1]
    assert run.config["lineage"]["commit"] == toy.run(tracked, "git", "rev-parse", "HEAD").strip()
    assert run.config["lineage"]["clean"] is True
    assert "torch" in run.config["lineage"]["versions"]
    shown = {key.split(".")[0] for row in run.history for key in row}
    assert "curve" in shown
    assert "sample" not in shown, "tracking.media is false"


def test_samples_are_shown_when_allowed(tracked, tmp_path):
    with (tracked / "params.yaml").open("a") as file:
        file.write("tracking: {media: true}\n")
    run = offline.read(home() / tell(tracking.start("first", load()), tmp_path)["dir"])
    assert any(key.startswith("sample") for row in run.history for key in row)
    assert run.config["lineage"]["clean"] is False


def test_nothing_of_the_machine_is_in_the_run(tracked, tmp_path):
    record = tell(
        tracking.start("first", load().model_copy(update={"data": load().data.model_copy(update={"path": tracked})})), tmp_path
    )
    told = repr(vars(offline.read(home() / record["dir"])))
    assert str(tracked) not in told
    assert str(home()) not in told


@pytest.mark.parametrize("off", [("LEPTON_TRACKING", "off"), ("WANDB_MODE", "disabled")])
def test_off_is_a_tracker_too(tracked, monkeypatch, tmp_path, off):
    monkeypatch.setenv(*off)
    tracker = tracking.start("first", load())
    assert isinstance(tracker, NoTracker)
    assert tell(tracker, tmp_path) == {}


def test_trouble_is_one_warning(tracked, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "lepton"):
        tracker = tracking.start("first", load())
        tracker.artifact("model", "model", [tmp_path / "not-there"], {})
        tell(tracker, tmp_path)
        tracker.run.finish()
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["tracking"]


def test_trouble_at_the_start_is_one_warning(tracked, monkeypatch, caplog):
    import wandb

    def fail(**_):
        raise OSError("no space left on device")

    monkeypatch.setattr(wandb, "init", fail)
    assert isinstance(tracking.start("first", load()), NoTracker)
    assert caplog.messages == ["tracking: OSError: no space left on device; this stage is not tracked"]

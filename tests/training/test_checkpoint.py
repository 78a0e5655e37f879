"""Promises of checkpoints."""

from pathlib import Path

import torch

import helpers
from lepton.blocks import Train
from lepton.training import checkpoint, optimizer


def test_no_file_is_no_checkpoint(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path / "none.pt") is None


def test_a_training_state_comes_back(tmp_path: Path) -> None:
    model = helpers.model()
    made = optimizer.make(model, Train(), 0.01)
    sum(raw.sum() for raw in model(helpers.batch(model.tasks).inputs).values()).backward()
    made.step()
    state = {"epoch": 3, "best": -0.5, "mean": torch.ones(2), "none": None, "history": [{"a": 1.0}]}
    checkpoint.save(tmp_path / "deep" / "a.pt", {**state, "model": model.state_dict(), "optimizer": made.state_dict()})
    found = checkpoint.load(tmp_path / "deep" / "a.pt")
    assert found is not None
    assert torch.equal(found.pop("mean"), state.pop("mean"))
    assert {key: found[key] for key in state} == state
    for name, value in model.state_dict().items():
        assert torch.equal(found["model"][name].nan_to_num(9), value.nan_to_num(9))
    other = optimizer.make(helpers.model(seed=1), Train(), 0.5)
    other.load_state_dict(found["optimizer"])
    assert other.param_groups[0]["lr"] == 0.01
    assert torch.equal(other.state_dict()["state"][0]["exp_avg"], made.state_dict()["state"][0]["exp_avg"])

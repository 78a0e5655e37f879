"""Promises of independent heads on a fixed shared representation."""

import numpy as np
import torch
from torch import Tensor

import helpers
from lepton.sharing.frozen import Frozen
from lepton.training import network
from lepton.training.loop import Fit, Trainer

OPTIONS = {"trunk": [6, 8, 10], "branch": [3, 4, 5], "sharing": "frozen", "freeze": 0.5}


def trained(spoil: str | None = None) -> tuple[Frozen, Fit, list[dict[str, Tensor]]]:
    """Four epochs, the trunk fixed after two; its state after each. spoil: a task that has no labels after the second."""
    params = helpers.params(model=OPTIONS, train={"epochs": 4, "clip": 0, "demand": 0})  # which would tie the tasks together
    torch.manual_seed(0)
    model = network.build(params, params.tasks)
    assert isinstance(model, Frozen)
    train, valid = helpers.samples(params.tasks, 48, seed=1), helpers.samples(params.tasks, 24, seed=2)
    states = []

    def note(row: dict[str, float], step: int) -> None:
        states.append({name: value.clone() for name, value in model.state_dict().items()})
        if spoil and row["epoch"] == 2:
            train.labels[spoil]["present"][:] = False

    one = Trainer(model, params, train, valid, np.ones(48), dict.fromkeys(params.tasks), 0.003, 4, on_epoch=note)
    return model, one.fit(), states


def test_the_trunk_learns_first_and_then_stays_as_it_is_norms_and_all() -> None:
    _, _, states = trained()
    for name, value in states[1].items():
        if name.startswith("trunk."):
            assert torch.equal(states[3][name], value), name
    moved = [not torch.equal(states[1][name], value) for name, value in states[0].items() if name.startswith("trunk.")]
    assert all(moved)


def test_heads_start_anew_on_it() -> None:
    model = helpers.model("frozen")
    assert isinstance(model, Frozen)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert not model.begin(0.49)
    assert model.begin(0.5)
    assert not model.begin(0.6)
    for name, value in model.state_dict().items():
        same = torch.equal(value, before[name])
        assert same == (name.startswith("trunk.") or "num_batches" in name), name


def test_only_what_heads_learned_on_the_fixed_trunk_counts_as_best() -> None:
    model, fit, _ = trained()
    assert fit.best_epoch > 2
    assert model.settled


def test_no_task_changes_what_another_learns() -> None:
    (_, _, whole), (_, _, spoiled) = trained(), trained("tilt")
    for name, value in whole[3].items():
        there = helpers.owners(helpers.model("frozen"), name)[0]
        if name.startswith(("trunk.", "heads.")):
            assert torch.equal(spoiled[3][name], value) == (not name.startswith("heads.tilt")), name
        elif there and value.ndim and name.startswith("reads"):
            for owner, one, other in zip(there, value.chunk(len(there)), spoiled[3][name].chunk(len(there)), strict=True):
                assert torch.equal(one, other) == (owner != "tilt"), (name, owner)

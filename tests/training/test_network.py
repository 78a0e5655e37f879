"""Promises of networks on disk."""

from pathlib import Path

import pytest
import torch

import helpers
from laws import same_bytes
from lepton.kinds import KINDS
from lepton.sharing.adaptive import Adaptive
from lepton.training import network

every_way = pytest.mark.parametrize("way", KINDS["sharing"])


@every_way
def test_saving_twice_writes_the_same_bytes(tmp_path: Path, way: str) -> None:
    model = helpers.model(way)
    network.save(model, tmp_path / "one")
    network.save(model, tmp_path / "two")
    network.save(helpers.model(way), tmp_path / "three")
    same_bytes(tmp_path / "one", tmp_path / "two")
    same_bytes(tmp_path / "one", tmp_path / "three")
    network.save(helpers.model(way, seed=1), tmp_path / "other")
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


@every_way
def test_a_loaded_network_gives_the_same_outputs(tmp_path: Path, way: str) -> None:
    params = helpers.params()
    model = helpers.model(way, params.tasks)
    network.save(model, tmp_path / "model")
    again = network.load(tmp_path / "model", params)
    assert type(again) is type(model)
    assert not again.training
    inputs = helpers.batch(model.tasks).inputs
    for name, raw in model.eval()(inputs).items():
        assert torch.equal(again(inputs)[name], raw)


def test_a_reduced_network_survives_the_disk(tmp_path: Path) -> None:
    params = helpers.params()
    model = helpers.model("adaptive", params.tasks)
    assert isinstance(model, Adaptive)
    model.fixed_TL[0], model.fixed_TL[1] = torch.tensor([1.0, 1.0, 1.0]), torch.tensor([0.0, 0.0, 0.0])
    small = model.eval().reduced()
    network.save(small, tmp_path / "model")
    again = network.load(tmp_path / "model", params)
    assert again.structure == small.structure != model.structure
    inputs = helpers.batch(model.tasks).inputs
    for name, raw in small(inputs).items():
        assert torch.equal(again(inputs)[name], raw)


def test_a_single_task_network_is_loaded_with_its_task(tmp_path: Path) -> None:
    params = helpers.params()
    one = {"ink": params.tasks["ink"]}
    network.save(helpers.model("hard", one), tmp_path / "model")
    assert list(network.load(tmp_path / "model", params, one).tasks) == ["ink"]


def test_building_follows_the_parameters() -> None:
    params = helpers.params(model={"trunk": [4, 5], "branch": [2, 3], "dropout": 0.2})
    model = network.build(params, params.tasks)
    assert isinstance(model, Adaptive)
    assert (model.structure.trunk, model.structure.branch, model.dropout) == ((4, 5), (2, 3), 0.2)
    assert network.build(params, params.tasks, "hard").structure.sharing == "hard"


def test_the_seed_and_its_purpose_decide_a_fresh_network() -> None:
    params = helpers.params()

    def fresh(seed: int, *salt: str | int) -> torch.Tensor:
        network.seeded(seed, *salt)
        return network.build(params, params.tasks).trunk.levels[0].down.weight

    assert torch.equal(fresh(0, "train"), fresh(0, "train"))
    for other in ((1, "train"), (0, "relate"), (0, "train", 1), (0,)):
        assert not torch.equal(fresh(0, "train"), fresh(*other))

"""Promises of every way of sharing."""

import json

import pytest
import torch

import helpers
from laws import close, one_entry_per_sample, one_line
from lepton import config
from lepton.kinds import KINDS
from lepton.kinds import load as load_kind
from lepton.sharing.base import Sharing, Structure

every_way = pytest.mark.parametrize("way", KINDS["sharing"])


def permuted(model: Sharing, names: list[str]) -> Sharing:
    """The same network with its tasks in another order."""
    way = load_kind("sharing", model.structure.sharing)
    tasks = {name: model.tasks[name] for name in names}
    plan = config.Model(trunk=model.structure.trunk, branch=model.structure.branch)
    other = way(model.kind, tasks, way.plan(plan, tasks), model.dropout)
    state = model.state_dict()
    for level, width in enumerate(model.structure.branch):
        old = {"reads": model.structure.readers, "branches": model.structure.owners}
        new = {"reads": other.structure.readers, "branches": other.structure.owners}
        for key in [
            key for key in state if key.split(".")[0] in ("reads", "branches", "norms") and key.split(".")[1] == str(level)
        ]:
            room = key.split(".")[0]
            there, wanted = (old[room][level], new[room][level]) if room in old else (model.present(level), other.present(level))
            if state[key].ndim:
                blocks = dict(zip(there, state[key].split(width), strict=True))
                state[key] = torch.cat([blocks[name] for name in wanted])
    for key in ("degree_TL", "fixed_TL"):
        if key in state:
            state[key] = torch.stack([state[key][list(model.tasks).index(name)] for name in names])
    other.load_state_dict(state)
    return other


@every_way
@pytest.mark.parametrize("training", [True, False])
def test_every_task_answers_every_sample(way: str, training: bool) -> None:
    model = helpers.model(way).train(training)
    raw = model(helpers.batch(model.tasks, rows=5).inputs)
    assert {name: tuple(value.shape) for name, value in raw.items()} == {
        "digit": (5, 3),
        "objects": (5, 7, 4, 4),
        "ink": (5, 2, 16, 16),
        "tilt": (5, 1),
    }


@every_way
def test_predictions_have_one_entry_per_sample(way: str) -> None:
    model = helpers.model(way).eval()
    predicted = model.predict(helpers.batch(model.tasks, rows=5).inputs)
    assert list(predicted) == list(model.tasks)
    for outputs in predicted.values():
        one_entry_per_sample(outputs, 5)


@every_way
@pytest.mark.parametrize("training", [True, False])
def test_permuting_tasks_permutes_outputs(way: str, training: bool) -> None:
    model = helpers.model(way).train(training)
    other = permuted(model, ["tilt", "ink", "digit", "objects"]).train(training)
    inputs = helpers.batch(model.tasks).inputs
    one, same = model(inputs), other(inputs)
    assert list(same) == ["tilt", "ink", "digit", "objects"]
    for name in model.tasks:
        close(same[name], one[name], 1e-5)


@every_way
def test_tasks_never_touch_each_other(way: str) -> None:
    """A task's loss has a gradient of exactly zero at what belongs to another task, and some at what is its own."""
    model = helpers.model(way).train()
    raw = model(helpers.batch(model.tasks).inputs)
    for name in model.tasks:
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        raw[name].square().sum().backward(retain_graph=True)
        for level, width in enumerate(model.structure.branch):
            rooms = {"reads": model.structure.readers, "branches": model.structure.owners}
            for room, there in [(room, names[level]) for room, names in rooms.items()] + [("norms", model.present(level))]:
                for key, parameter in model.named_parameters():
                    if key.startswith(f"{room}.{level}."):
                        for owner, rows in zip(there, parameter.grad.split(width), strict=True):
                            assert (rows.abs().sum() > 0) == (owner == name), (name, owner, key)
        for owner, head in model.heads.items():
            for parameter in head.parameters():
                assert (parameter.grad.abs().sum() > 0) == (owner == name), (name, owner)
        for key, parameter in model.named_parameters():
            if key == "degree_TL":
                for owner, row in zip(model.tasks, parameter.grad, strict=True):
                    assert (row != 0).all() == (owner == name)
                    assert (row != 0).any() == (owner == name)
        assert all(parameter.grad.abs().sum() > 0 for parameter in model.trunk.parameters())


@every_way
def test_reads_and_rest_are_the_whole(way: str) -> None:
    """What the step cuts at: the trunk reaches the outputs through the reads alone."""
    model = helpers.model(way).eval()
    inputs = helpers.batch(model.tasks).inputs
    reads = model.read(model.trunk(inputs))
    whole = model(inputs)
    for name, raw in model.rest(inputs, reads).items():
        assert torch.equal(raw, whole[name])
    for level, read in enumerate(reads):
        if names := model.structure.readers[level]:
            assert read.shape[1] == len(names) * model.structure.branch[level]


@every_way
def test_reads_are_linear(way: str) -> None:
    model = helpers.model(way)
    one, other = ([torch.randn(2, width, 4, 4, generator=helpers.generator(seed)) for width in (6, 8, 10)] for seed in (1, 2))
    both = model.read([2 * a - b for a, b in zip(one, other, strict=True)])
    for level, names in enumerate(model.structure.readers):
        if names:
            close(both[level], 2 * model.read(one)[level] - model.read(other)[level], 1e-5)


@every_way
def test_a_structure_survives_json(way: str) -> None:
    plan = helpers.model(way).structure
    again = Structure.from_dict(json.loads(json.dumps(plan.to_dict())))
    assert again == plan
    assert isinstance(again.readers[0], tuple)


@every_way
def test_every_way_takes_the_kind_of_trunk_it_is_given(way: str) -> None:
    plan = load_kind("sharing", way).plan(config.Model(trunk_kind="lenet"), helpers.tasks())
    assert plan.trunk_kind == "lenet"


@every_way
def test_a_structure_alone_rebuilds_the_network(way: str) -> None:
    model = helpers.model(way).eval()
    again = load_kind("sharing", way)(model.kind, model.tasks, Structure.from_dict(model.structure.to_dict()))
    again.load_state_dict(model.state_dict())
    inputs = helpers.batch(model.tasks).inputs
    for name, raw in again.eval()(inputs).items():
        assert torch.equal(raw, model(inputs)[name])


@every_way
def test_one_task_alone_is_a_network_too(way: str) -> None:
    for name, task in helpers.tasks().items():
        model = helpers.model(way, {name: task})
        assert list(model(helpers.batch(model.tasks).inputs)) == [name]


@every_way
def test_features_are_cut_into_those_of_each_task(way: str) -> None:
    model = helpers.model(way).eval()
    inputs = helpers.batch(model.tasks).inputs
    features = model.features(inputs, model.read(model.trunk(inputs)))
    for level, feature in enumerate(features):
        parts = model.by_task(level, feature)
        assert tuple(parts) == model.present(level)
        if parts:
            assert torch.equal(torch.cat(list(parts.values()), 1), feature)
            assert (feature >= 0).all()


def test_a_deeper_trunk_and_odd_sizes_work() -> None:
    tasks = {"digit": helpers.digit(), "ink": helpers.ink()}
    for way in KINDS["sharing"]:
        model = helpers.model(way, tasks, side=15, trunk=(3, 3, 3, 3), branch=(2, 2, 2, 2))
        assert model(torch.zeros(2, 3, 15, 15))["ink"].shape == (2, 2, 15, 15)
    one_line(lambda: helpers.model("hard", helpers.tasks(), side=15), "[15, 15]", "stride 4")

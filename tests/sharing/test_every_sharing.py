"""Promises of every way of sharing."""

import json
from dataclasses import replace

import pytest
import torch

import helpers
from laws import close, one_entry_per_sample, one_line
from lepton.kinds import load as load_kind
from lepton.sharing.base import Sharing, Structure

every_way = pytest.mark.parametrize("way", helpers.WAYS)


def permuted(model: Sharing, names: list[str]) -> Sharing:
    """The same network with its tasks in another order."""
    other = helpers.fresh(helpers.way_of(model), model.kind, {name: model.tasks[name] for name in names}, **helpers.widths(model))
    if "groups" in model.structure.options:
        other = type(other)(model.kind, other.tasks, replace(other.structure, options=model.structure.options))
    state = model.state_dict()
    for key, value in state.items():
        for dim, (old, new) in enumerate(zip(helpers.owners(model, key), helpers.owners(other, key), strict=True)):
            if value.ndim and old is not None and new is not None:
                blocks = dict(zip(old, value.chunk(len(old), dim), strict=True))
                value = torch.cat([blocks[name] for name in new], dim)
        state[key] = value
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
        for key, parameter in model.named_parameters():
            room, owner = key.split(".")[0], key.split(".")[1:2]
            there = helpers.owners(model, key)[0]
            if room in ("heads", "links"):
                assert (parameter.grad.abs().sum() > 0) == (owner == [name]), (name, key)
            elif room == "trunk":
                assert (parameter.grad.abs().sum() > 0) == helpers.reaches(model, name, key), (name, key)
            elif there and (room, way) != ("degree_TL", "soft"):  # there α is what a task gives to all
                for owner, rows in zip(there, parameter.grad.chunk(len(there)), strict=True):
                    assert (rows.abs().sum() > 0) == (owner == name), (name, owner, key)
                    assert key != "degree_TL" or (rows != 0).all() == (owner == name)


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
            assert read.shape[1] % (len(names) * model.structure.branch[level]) == 0


@every_way
def test_reads_are_linear(way: str) -> None:
    model = helpers.model(way)
    widths = [shared.shape[1] for shared in model.trunk(model.kind.example(1))]
    one, other = ([torch.randn(2, width, 4, 4, generator=helpers.generator(seed)) for width in widths] for seed in (1, 2))
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
    tasks = {"digit": helpers.digit(), "tilt": helpers.tilt()}
    model = helpers.fresh(way, helpers.image(28), tasks, trunk=(4, 5, 6), branch=(3, 4, 5), trunk_kind="lenet").train()
    batch = helpers.batch(tasks, rows=5, side=28)
    assert model.structure.trunk_kind == "lenet"
    assert [tuple(raw.shape) for raw in model(batch.inputs).values()] == [(5, 3), (5, 1)]


@every_way
def test_a_structure_alone_rebuilds_the_network(way: str) -> None:
    model = helpers.model(way).eval()
    plan = Structure.from_dict(json.loads(json.dumps(model.structure.to_dict())))
    again = load_kind("sharing", plan.sharing)(model.kind, model.tasks, plan)
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
    for way in helpers.WAYS:
        model = helpers.model(way, tasks, side=15, trunk=(3, 3, 3, 3), branch=(2, 2, 2, 2))
        assert model(torch.zeros(2, 3, 15, 15))["ink"].shape == (2, 2, 15, 15)
    one_line(lambda: helpers.model("hard", helpers.tasks(), side=15), "[15, 15]", "stride 4")

"""Promises of heads that read other tasks' outputs, and of heads attached at an earlier level."""

import pytest
import torch

import helpers
from laws import close
from lepton.sharing import sequence
from lepton.sharing.base import Sharing
from lepton.tasks.base import BaseTask
from lepton.training import network

every_way = pytest.mark.parametrize("way", helpers.WAYS)


def chain() -> dict[str, BaseTask]:
    """objects after tilt after digit and ink: kinds of every shape of output."""
    first = {"objects": helpers.objects(after=("tilt",)), "tilt": helpers.tilt(after=("digit", "ink"))}
    return {**first, "digit": helpers.digit(), "ink": helpers.ink()}


def gradients(model: Sharing, name: str) -> dict[str, bool]:
    """Which parameters a task's output depends on."""
    raw = model(helpers.batch(model.tasks).inputs)[name]
    names, parameters = zip(*model.named_parameters(), strict=True)
    found = torch.autograd.grad(raw.square().sum(), parameters, allow_unused=True)
    return {key: grad is not None and bool(grad.abs().sum() > 0) for key, grad in zip(names, found, strict=True)}


@every_way
def test_a_tasks_output_reaches_those_that_come_after_it_and_no_others(way: str) -> None:
    model = helpers.model(way, chain()).eval()
    x = helpers.batch(model.tasks).inputs
    before = model(x)
    assert list(before) == ["objects", "tilt", "digit", "ink"]
    with torch.no_grad():
        model.heads["digit"].linear.bias.add_(1)
    after = model(x)
    assert {name for name in after if not torch.equal(after[name], before[name])} == {"digit", "tilt", "objects"}


@every_way
def test_a_task_does_not_learn_from_those_that_come_after_it(way: str) -> None:
    model = helpers.model(way, chain()).train()
    found = gradients(model, "objects")
    assert all(used == (key.split(".")[1] == "objects") for key, used in found.items() if key.startswith(("heads", "links")))


def test_at_first_it_is_parallel_learning() -> None:
    tasks = chain()
    alone = {name: task.model_copy(update={"after": ()}) for name, task in tasks.items()}
    torch.manual_seed(0)
    one = helpers.fresh("hard", helpers.image(), tasks).eval()
    torch.manual_seed(0)
    other = helpers.fresh("hard", helpers.image(), alone).eval()
    x = helpers.batch(tasks).inputs
    for name, raw in one(x).items():
        assert torch.equal(raw, other(x)[name])


def test_heads_on_labelled_rows_alone_say_the_same() -> None:
    model = helpers.model("adaptive", chain()).eval()
    x = helpers.batch(model.tasks).inputs
    rows = {name: torch.arange(index, 12, 3) for index, name in enumerate(model.tasks)}
    whole, some = model(x), model.rest(x, model.read(model.trunk(x)), rows)
    assert list(some) == list(whole)
    for name, raw in some.items():
        close(raw, whole[name][rows[name]], 1e-5)


def test_a_network_of_one_task_has_nobody_to_listen_to() -> None:
    model = helpers.model("hard", {"tilt": chain()["tilt"]})
    assert len(model.links) == 0
    assert list(model(helpers.batch(model.tasks).inputs)) == ["tilt"]


def test_tasks_come_after_those_that_they_read() -> None:
    assert sequence.order(chain()).index("objects") == 3
    assert sequence.order(helpers.tasks()) == list(helpers.tasks())


@every_way
def test_a_head_attached_at_a_level_reads_nothing_above_it(way: str) -> None:
    tasks = {"digit": helpers.digit(level=2), "tilt": helpers.tilt(), "ink": helpers.ink().model_copy(update={"level": 1})}
    model = helpers.model(way, tasks).train()
    for name, last in (("digit", 1), ("ink", 0), ("tilt", 2)):
        found = gradients(model, name)
        levels = {int(key.split("levels.")[1].split(".")[0]) for key, used in found.items() if used and "levels." in key}
        assert levels == set(range(last + 1)), name
        rooms = {
            int(key.split(".")[1]) for key, used in found.items() if used and key.split(".")[0] in ("reads", "branches", "norms")
        }
        assert max(rooms) == last, name


def test_a_trunk_is_no_deeper_than_heads_read() -> None:
    params = helpers.params(model={"trunk": [6, 8, 10], "branch": [3, 4, 5]})
    model = network.build(params, {"digit": helpers.digit(level=2)}, "hard")
    assert model.structure.trunk == (6, 8)
    assert network.build(params, params.tasks).structure.trunk == (6, 8, 10)

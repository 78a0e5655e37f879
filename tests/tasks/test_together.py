"""Promises of heads and losses that run as one: the same numbers as one by one."""

import pytest
import torch
from torch import nn

import helpers
from laws import close
from lepton.tasks import together
from lepton.tasks.base import BaseTask, Level
from lepton.tasks.classification import PooledLinear

MANY: list[list[BaseTask]] = [
    [helpers.digit(), helpers.digit(), helpers.digit()],
    [helpers.tilt(), helpers.tilt(0, 10), helpers.tilt(5, 6)],
    [helpers.objects(), helpers.objects()],
    [helpers.ink(), helpers.ink()],
]


def heads(**outputs: int) -> dict[str, PooledLinear]:
    torch.manual_seed(0)
    return {name: PooledLinear(Level(2, 8), number, 0.0).double() for name, number in outputs.items()}


def test_heads_together_give_what_each_gives_alone() -> None:
    found = heads(a=3, b=1, c=3, d=3)
    feature = torch.randn(5, 10, 4, 4, dtype=torch.float64, generator=helpers.generator())
    there = ("c", "other", "b", "a", "d")
    own = dict(zip(there, feature.chunk(5, 1), strict=True))
    together_raw = together.pooled(found, feature, there)
    assert together_raw.keys() == found.keys()
    for name, head in found.items():
        close(together_raw[name], head([own[name]]), 1e-12)


def test_heads_together_drop_out_in_training_only() -> None:
    found, feature = heads(a=3, b=3), torch.ones(4, 4, 2, 2, dtype=torch.float64)
    for head in found.values():
        head.dropout = nn.Dropout(0.5)
    rough = together.pooled(found, feature, ("a", "b"))["a"]
    for head in found.values():
        head.eval()
    whole = together.pooled(found, feature, ("a", "b"))["a"]
    assert not torch.equal(rough, whole)
    close(whole, found["a"]([feature[:, :2]]), 1e-12)


def test_no_head_is_no_work() -> None:
    assert together.pooled({}, torch.zeros(2, 0, 4, 4), ()) == {}


@pytest.mark.parametrize("tasks", MANY, ids=lambda tasks: tasks[0].type)
def test_losses_together_are_what_each_is_alone(tasks: list[BaseTask]) -> None:
    batches = [helpers.batch({"task": task}, rows=6, seed=seed).labels["task"] for seed, task in enumerate(tasks)]
    model = helpers.model("hard", {"task": tasks[0]})
    raw = [model(helpers.batch(model.tasks, rows=6, seed=seed).inputs)["task"] for seed in range(len(tasks))]
    loss_TB = type(tasks[0]).losses(tasks, raw, batches, [None] * len(tasks))
    for loss_B, task, one, labels in zip(loss_TB, tasks, raw, batches, strict=True):
        close(loss_B, task.loss(one, labels, None), 1e-6)


def test_each_task_keeps_its_own_class_weights() -> None:
    tasks = MANY[0]
    labels = [helpers.batch({"task": task}, rows=6, seed=seed).labels["task"] for seed, task in enumerate(tasks)]
    raw = [torch.randn(6, 3, generator=helpers.generator(seed)) for seed in range(3)]
    weights = [torch.tensor([0.5, 1.0, 4.0]), None, torch.tensor([2.0, 1.0, 0.1])]
    for loss_B, task, one, fields, weight_K in zip(
        type(tasks[0]).losses(tasks, raw, labels, weights), tasks, raw, labels, weights, strict=True
    ):
        close(loss_B, task.loss(one, fields, weight_K), 1e-6)


def test_names_of_one_key_stay_in_order() -> None:
    assert together.alike({"a": 1, "b": 2, "c": 1}) == [["a", "c"], ["b"]]

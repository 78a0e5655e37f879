"""Promises of the features that tasks are compared by."""

import numpy as np
import pytest
import torch

import helpers
from lepton import blocks
from lepton.kinds import load as load_kind
from lepton.relatedness.probe import alike, features, narrow


def test_features_are_each_tasks_own_at_the_last_level_averaged_over_pixels() -> None:
    model = helpers.model().eval()
    samples = helpers.samples(model.tasks, 300)
    found = features(model, samples)
    assert list(found) == list(model.tasks)
    inputs = model.kind.prepare(torch.from_numpy(samples.inputs))
    last = model.features(inputs, model.read(model.trunk(inputs)))[-1]
    for index, name in enumerate(model.tasks):
        expected = last[:, 5 * index : 5 * index + 5].mean((2, 3))
        np.testing.assert_allclose(found[name], expected.detach(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("tasks", "branch"), [(3, (3, 4, 5)), (12, (3, 4, 5)), (24, (2, 2, 2)), (100, (1, 1, 1))])
def test_a_probe_of_many_tasks_is_no_wider_than_that_of_twelve(tasks: int, branch: tuple[int, ...]) -> None:
    params = helpers.params(model={"trunk": [6, 8, 10], "branch": [3, 4, 5]})
    many = params.model_copy(update={"tasks": {f"task{number}": helpers.digit() for number in range(tasks)}})
    assert narrow(many).model.branch == branch


@pytest.mark.parametrize("way", ["adaptive", "hard"])
def test_tasks_of_one_kind_can_start_from_the_same_numbers(way: str) -> None:
    tasks = {"a": helpers.digit(), "b": helpers.digit(), "c": helpers.ink(), "d": helpers.digit(4)}
    torch.manual_seed(0)
    kind = load_kind("sharing", way)
    model = kind(helpers.image(), tasks, kind.plan(blocks.Model(trunk=(6, 8), branch=(3, 4)), tasks)).eval()
    inputs = helpers.batch(tasks).inputs
    before = model(inputs)
    assert not torch.allclose(before["a"], before["b"])
    alike(model)
    after = model(inputs)
    assert torch.equal(after["a"], before["a"])
    torch.testing.assert_close(after["b"], after["a"])
    assert after["d"].shape == (12, 4)
    assert not torch.allclose(after["d"][:, :3], after["a"])

"""Pruning takes the channels that matter least, and what it leaves is the same network without them."""

from collections.abc import Iterator
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

import helpers
import laws
from lepton.compression.prune import Importance, importance, prune
from lepton.sharing.base import Sharing
from lepton.training.step import task_losses

WAYS = ["adaptive", "hard"]
NO_WEIGHTS = dict.fromkeys(helpers.tasks())


def network(way: str) -> Sharing:
    return helpers.model(way, trunk=(4, 6, 8), branch=(2, 4, 4)).eval()


def norms(model: Sharing) -> Iterator[tuple[str, nn.BatchNorm2d]]:
    return ((name, layer) for name, layer in model.named_modules() if isinstance(layer, nn.BatchNorm2d))


def everything(model: Sharing, value: float = 1.0) -> Importance:
    return {name: torch.full_like(layer.weight, value) for name, layer in norms(model)}


def raw(model: Sharing) -> dict[str, Tensor]:
    with torch.no_grad():
        return model(helpers.batch(model.tasks, rows=5).inputs)


@pytest.mark.parametrize("way", WAYS)
def test_keeping_every_channel_changes_no_bit(way: str) -> None:
    model = network(way)
    before, after = raw(model), raw(prune(model, everything(model), 1.0))
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("way", WAYS)
def test_what_others_say_is_heard_by_the_channels_that_are_kept(way: str) -> None:
    tasks = {"digit": helpers.digit(), "tilt": helpers.tilt(after=("digit",), level=2)}
    model = helpers.model(way, tasks, trunk=(4, 6, 8), branch=(2, 4, 4)).eval()
    before, after = raw(model), raw(prune(model, everything(model), 1.0))
    assert all(torch.equal(after[name], value) for name, value in before.items())
    small = prune(model, everything(model), 0.5)
    assert small.links["tilt"]["digit"].linear.weight.shape == (2, 3)
    assert raw(small)["tilt"].isfinite().all()


@pytest.mark.parametrize("way", WAYS)
def test_channels_that_say_nothing_leave_without_a_trace(way: str) -> None:
    """For heads that pool one level; a pyramid's inner channels mirror its input and go with it."""
    model = helpers.model(way, {"digit": helpers.digit(), "tilt": helpers.tilt()}, trunk=(4, 6, 8), branch=(2, 4, 4)).eval()
    scores = everything(model)
    with torch.no_grad():
        for name, layer in norms(model):
            parts = len(model.present(int(name.split(".")[1]))) if name.startswith("norms") else 1
            for dead in torch.arange(len(layer.weight)).chunk(parts):
                dead = dead[torch.randperm(len(dead), generator=helpers.generator(7))[: len(dead) // 2]]
                layer.weight[dead] = layer.bias[dead] = scores[name][dead] = 0
    small = prune(model, scores, 0.5)
    assert small.structure.trunk == (2, 3, 4)
    assert small.structure.branch == (2, 2, 2)  # at least two
    for name, value in raw(model).items():
        laws.close(raw(small)[name], value, 1e-5)


def test_what_is_left_is_smaller_and_the_original_is_untouched() -> None:
    model = network("adaptive")
    before = deepcopy(model)
    small = prune(model, everything(model), 0.5)
    assert sum(value.numel() for value in small.parameters()) < 0.5 * sum(value.numel() for value in model.parameters())
    laws.same_state(model, before)


def test_importance_is_the_squared_change_of_the_loss_as_a_channel_fades() -> None:
    """∂L/∂s at s = 1, where s scales the channel's γ and β: against central differences in float64."""
    model = network("adaptive").double()
    batch = helpers.batch(model.tasks)
    batch = type(batch)(batch.inputs.double(), batch.labels)
    found = importance(model, [batch], NO_WEIGHTS)
    step = 1e-5

    def loss() -> float:
        with torch.no_grad():
            return float(task_losses(model, model(batch.inputs), batch.labels, NO_WEIGHTS)[0].sum())

    for name, layer in norms(model):
        for channel in range(0, len(layer.weight), 3):
            ends = []
            for scale in (1 + step, 1 - step):
                kept = layer.weight.data[channel].clone(), layer.bias.data[channel].clone()
                layer.weight.data[channel] *= scale
                layer.bias.data[channel] *= scale
                ends.append(loss())
                layer.weight.data[channel], layer.bias.data[channel] = kept
            slope = (ends[0] - ends[1]) / (2 * step)
            assert float(found[name][channel]) == pytest.approx(slope**2, rel=1e-2, abs=1e-9), f"{name}[{channel}]"


def test_importance_adds_up_over_batches_and_changes_nothing() -> None:
    model = network("adaptive").train()
    batches = [helpers.batch(model.tasks, seed=seed) for seed in (1, 2)]
    before = deepcopy(model)
    both, parts = importance(model, batches, NO_WEIGHTS), [importance(model, [one], NO_WEIGHTS) for one in batches]
    for name, value in both.items():
        laws.close(value, parts[0][name] + parts[1][name], 1e-6)
    assert model.training
    laws.same_state(model, before)

"""Promises of counted costs."""

import pytest
import torch
from torch import nn

import helpers
from lepton.training import cost

TRUNK, BRANCH = (6, 8, 10), (3, 4, 5)


def trunk_macs(side: int = 16) -> int:
    """Two 3×3 convolutions a level, at half the side each time."""
    total, below = 0, 3
    for width in TRUNK:
        side //= 2
        total += 9 * side**2 * width * (below + width)
        below = width
    return total


def test_macs_of_a_hard_network_are_the_closed_form() -> None:
    model = helpers.model("hard", {"digit": helpers.digit()})
    read, head = 10 * 5 * 2 * 2, 2 * 5 * 3
    assert cost.macs(model, model.kind.example(1)) == trunk_macs() + read + head


def test_macs_of_an_adaptive_network_are_the_closed_form() -> None:
    model = helpers.model("adaptive", {"a": helpers.digit(), "b": helpers.tilt()})
    reads = sum(side**2 * shared * 2 * own for side, shared, own in zip((8, 4, 2), TRUNK, BRANCH, strict=True))
    branches = 9 * (8**2 * 3 * 2 * 3 + 4**2 * 2 * 3 * 4 + 2**2 * 2 * 4 * 5)
    heads = 10 * 3 + 10 * 1
    assert cost.macs(model, model.kind.example(1)) == trunk_macs() + reads + branches + heads


def test_parameters_are_the_closed_form() -> None:
    model = helpers.model("adaptive", {"a": helpers.digit(), "b": helpers.tilt()})
    trunk = sum(9 * width * (below + width) + 4 * width for below, width in zip((3, *TRUNK), TRUNK, strict=False))
    reads = sum(shared * 2 * own for shared, own in zip(TRUNK, BRANCH, strict=True))
    branches, norms = 9 * 2 * (3 * 3 + 3 * 4 + 4 * 5), 2 * 2 * sum(BRANCH)
    heads, degrees = (10 * 3 + 3) + (10 + 1), 2 * 3
    assert cost.parameters(model) == trunk + reads + branches + norms + heads + degrees


def test_macs_grow_with_the_pixels_and_not_with_the_weights() -> None:
    layer = nn.Conv2d(4, 6, 3, padding=1, groups=2)
    assert cost.macs(layer, torch.zeros(1, 4, 5, 7)) == 6 * 2 * 9 * 5 * 7
    assert cost.macs(layer, torch.zeros(1, 4, 10, 7)) == 2 * 6 * 2 * 9 * 5 * 7


@pytest.mark.parametrize("training", [True, False])
def test_counting_leaves_the_network_as_it_was(training: bool) -> None:
    model = helpers.model("adaptive").train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first = cost.macs(model, model.kind.example(1))
    assert model.training == training
    assert cost.macs(model, model.kind.example(1)) == first
    for name, value in model.state_dict().items():
        assert torch.equal(value.nan_to_num(9), before[name].nan_to_num(9)), name

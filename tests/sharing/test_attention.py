"""Promises of attention per task, soft and hard."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import helpers
from laws import close
from lepton.sharing.attention import selection


def normed(norm: nn.Module, value: Tensor, place: int, width: int) -> Tensor:
    mine = slice(place * width, (place + 1) * width)
    return F.batch_norm(value, norm.running_mean[mine], norm.running_var[mine], norm.weight[mine], norm.bias[mine])


@pytest.mark.parametrize(("way", "mask"), [("attention", torch.sigmoid), ("hard attention", selection)])
def test_features_are_values_under_a_mask_that_sees_what_was_attended_to_below(way: str, mask: object) -> None:
    """h = mask(norm(g + own convolution of h below)) ⊙ ReLU(norm(v)), task by task."""
    one = helpers.model(way).eval()
    x = helpers.batch(one.tasks).inputs
    shared = one.trunk(x)
    features = one.features(x, one.read(shared))
    for place, name in enumerate(one.tasks):
        below = None
        for level, width in enumerate(one.structure.branch):
            value_gate = one.reads[level].weight[2 * width * place : 2 * width * (place + 1)]
            value, gate = F.conv2d(shared[level], value_gate).chunk(2, 1)
            if below is not None:
                kernel = one.branches[level].weight[width * place : width * (place + 1)]
                gate = gate + F.conv2d(below, kernel, stride=2, padding=1)
            below = mask(normed(one.gate_norms[level], gate, place, width)) * normed(one.norms[level], value, place, width).relu()
            close(one.by_task(level, features[level])[name], below, 1e-5)


def test_hard_masks_are_zero_or_one() -> None:
    logit = torch.linspace(-3, 3, 401)
    mask = selection(logit)
    decided = logit.abs() > 0.0101
    assert decided.sum() > 390
    assert torch.equal(mask[decided], (logit[decided] > 0).float())
    assert ((mask >= 0) & (mask <= 1)).all()


def test_a_hard_mask_learns_by_the_gradient_of_the_soft_one() -> None:
    logit = torch.linspace(-3, 3, 50, requires_grad=True)
    (hard,) = torch.autograd.grad(selection(logit).sum(), logit)
    (soft,) = torch.autograd.grad(logit.sigmoid().sum(), logit)
    close(hard, soft, 1e-7)


def test_a_hard_mask_has_no_jump() -> None:
    """Else exports that differ in the last bits would differ in whole pixels."""
    logit = torch.linspace(-0.02, 0.02, 4001)
    assert selection(logit).diff().abs().max() < 1e-3

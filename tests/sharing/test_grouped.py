"""Promises of narrow groups that are merged: fewer groups, the same function."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import helpers
from laws import close
from lepton.sharing import grouped


@pytest.mark.parametrize(
    ("groups", "inputs", "outputs", "fewer"),
    [(32, 2, 2, 4), (4, 3, 4, 1), (5, 8, 16, 5), (6, 5, 3, 2), (64, 1, 2, 4), (2, 40, 8, 2)],
)
def test_merged_kernels_compute_the_same(groups: int, inputs: int, outputs: int, fewer: int) -> None:
    kernel = torch.randn(groups * outputs, inputs, 3, 3, dtype=torch.float64, generator=helpers.generator())
    x = torch.randn(2, groups * inputs, 5, 5, dtype=torch.float64, generator=helpers.generator(1))
    merged, number = grouped.merged(kernel, groups)
    assert number == fewer
    close(F.conv2d(x, merged, groups=number), F.conv2d(x, kernel, groups=groups), 1e-12)


def test_depthwise_kernels_stay() -> None:
    kernel = torch.randn(64, 1, 3, 3)
    merged, number = grouped.merged(kernel, 64)
    assert merged is kernel
    assert number == 64


def test_kernels_get_the_gradients_of_the_plain_convolution() -> None:
    layer = nn.Conv2d(12, 16, 3, stride=2, padding=1, groups=4, bias=False).double()
    x = torch.randn(2, 12, 8, 8, dtype=torch.float64, generator=helpers.generator(), requires_grad=True)
    plain = torch.autograd.grad(layer(x).square().sum(), (layer.weight, x))
    found = torch.autograd.grad(grouped.convolve(x, layer.weight, layer).square().sum(), (layer.weight, x))
    for one, other in zip(found, plain, strict=True):
        close(one, other, 1e-9)
    layer.eval()
    assert torch.equal(grouped.convolve(x, layer.weight, layer), layer(x))

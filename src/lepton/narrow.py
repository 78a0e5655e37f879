"""Layers with some of their channels left out: the surgery behind structured pruning. Indices are int64 [kept]."""

import torch
from torch import Tensor, nn


@torch.no_grad()
def conv(layer: nn.Conv2d, out: Tensor | None = None, into: Tensor | None = None) -> nn.Conv2d:
    """An ungrouped convolution that keeps the outputs `out` and the inputs `into`; None keeps all."""
    weight = layer.weight if out is None else layer.weight[out]
    weight = weight if into is None else weight[:, into]
    bias = None if layer.bias is None else layer.bias if out is None else layer.bias[out]
    return with_weight(layer, weight, bias)


@torch.no_grad()
def grouped(layer: nn.Conv2d, out: list[Tensor], into: list[Tensor]) -> nn.Conv2d:
    """A grouped convolution that keeps, of group g, the outputs `out[g]` and the inputs `into[g]` (numbered within the group)."""
    weights = layer.weight.chunk(layer.groups, 0)
    return with_weight(layer, torch.cat([w[o][:, i] for w, o, i in zip(weights, out, into, strict=True)]), None)


@torch.no_grad()
def with_weight(layer: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """The same convolution with other weights [out, in per group, k, k]."""
    assert isinstance(layer.padding, tuple)
    sizes = (weight.shape[1] * layer.groups, weight.shape[0], weight.shape[2:])
    new = nn.Conv2d(*sizes, layer.stride, layer.padding, groups=layer.groups, bias=bias is not None)  # type: ignore[arg-type]
    new.weight.copy_(weight)
    if new.bias is not None and bias is not None:
        new.bias.copy_(bias)
    return new.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@torch.no_grad()
def norm(layer: nn.BatchNorm2d, kept: Tensor) -> nn.BatchNorm2d:
    new = nn.BatchNorm2d(len(kept), layer.eps, layer.momentum)
    for name, value in layer.state_dict().items():
        new.state_dict()[name].copy_(value[kept] if value.ndim else value)
    return new


@torch.no_grad()
def linear(layer: nn.Linear, into: Tensor) -> nn.Linear:
    new = nn.Linear(len(into), layer.out_features)
    new.weight.copy_(layer.weight[:, into])
    new.bias.copy_(layer.bias)
    return new


@torch.no_grad()
def answers(layer: nn.Linear, out: Tensor) -> nn.Linear:
    """A linear map without bias that keeps the outputs `out`."""
    new = nn.Linear(layer.in_features, len(out), bias=False)
    new.weight.copy_(layer.weight[out])
    return new

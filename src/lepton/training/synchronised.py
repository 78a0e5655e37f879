"""Batch normalisation (Ioffe & Szegedy 2015, arXiv 1502.03167) over the rows of all processes, in training."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lepton.training import distributed


class Total(torch.autograd.Function):
    """The sum over all processes. Each one's loss depends on it, so its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return distributed.total(value)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return distributed.total(grad)


class Synchronised(nn.BatchNorm2d):
    """nn.BatchNorm2d whose mean and variance are those of all processes, which have as many rows each."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        full, processes = x.to(torch.promote_types(x.dtype, torch.float32)), distributed.size()
        own_2C = torch.cat([full.mean((0, 2, 3)), full.var((0, 2, 3), correction=0)])
        there = own_2C.new_zeros(processes, 1)
        there[distributed.rank()] = 1
        mean_RC, var_RC = Total.apply(there * own_2C).chunk(2, 1)  # of each process
        mean_C = mean_RC.mean(0)
        var_C = (var_RC + (mean_RC - mean_C).square()).mean(0)
        if self.track_running_stats:
            self._follow(mean_C.detach(), var_C.detach(), full[:, 0].numel() * processes)
        scale_C = self.weight * (var_C + self.eps).rsqrt()
        y = (full - mean_C[:, None, None]) * scale_C[:, None, None] + self.bias[:, None, None]
        return y.to(x.dtype)

    @torch.no_grad()
    def _follow(self, mean_C: Tensor, var_C: Tensor, count: int) -> None:
        """Moves the running statistics as nn.BatchNorm2d does: the variance without bias."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean_C, self.momentum)
        self.running_var.lerp_(var_C * (count / max(count - 1, 1)), self.momentum)
        self.num_batches_tracked += 1


@contextmanager
def synchronised(network: nn.Module) -> Iterator[None]:
    """Its norms are `Synchronised` inside; where there is one process they stay as they are, to the bit."""
    norms = [module for module in network.modules() if type(module) is nn.BatchNorm2d] if distributed.size() > 1 else []
    for norm in norms:
        norm.__class__ = Synchronised
    try:
        yield
    finally:
        for norm in norms:
            norm.__class__ = nn.BatchNorm2d

"""The shared trunk: L levels, computed once for all tasks. One file per kind; a kind says how each of its levels moves over pixels.

A task's branch takes the same steps, so that its features at level l lie on the same pixels as s_l.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import mul
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from lepton.inputs.base import BaseInput
from lepton.kinds import load as load_kind


@dataclass(frozen=True)
class Move:
    """How one level moves over pixels: a convolution, then the maximum of every pool × pool pixels (1: none)."""

    kernel: tuple[int, int]
    stride: int
    padding: int
    pool: int = 1

    def convolution(self, channels_in: int, channels_out: int, groups: int = 1) -> nn.Conv2d:
        """Without a bias: a normalisation or another task's share is added to it."""
        return nn.Conv2d(channels_in, channels_out, self.kernel, self.stride, self.padding, groups=groups, bias=False)

    def pooled(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, self.pool) if self.pool > 1 else x


def convolution(channels_in: int, channels_out: int, kernel: int, stride: int, groups: int = 1) -> nn.Conv2d:
    return Move((kernel, kernel), stride, kernel // 2).convolution(channels_in, channels_out, groups)


def strides(moves: Sequence[Move]) -> list[int]:
    """How many pixels of the input one pixel of each level spans."""
    return list(accumulate((move.stride * move.pool for move in moves), mul))


class Trunk(nn.Module, ABC):
    """x [B, C, H, W] to the shared features s_1 ... s_L. channels: C of x, then of each level."""

    prunable: ClassVar[bool]  # can lepton.compression.prune leave channels out?
    tiles: ClassVar[bool]  # does every level cover the image with squares of its stride, as tasks with a place for each need?

    def __init__(self, channels: Sequence[int], kernel: int, size: tuple[int, int]):
        super().__init__()
        sides = zip(self.plan(len(channels) - 1, kernel, size), channels, channels[1:], strict=False)
        self.levels = nn.ModuleList(self.level(move, below, here) for move, below, here in sides)

    @classmethod
    @abstractmethod
    def plan(cls, depth: int, kernel: int, size: tuple[int, int]) -> list[Move]:
        """The moves of `depth` levels. kernel: the input's, 1 where neighbours mean nothing; size: its height, width."""

    @abstractmethod
    def level(self, move: Move, channels_in: int, channels_out: int) -> nn.Module:
        """One level [B, C, H, W] -> [B, C', H', W'], ending in ReLU."""

    def forward(self, x: Tensor) -> list[Tensor]:
        shared = []
        for level in self.levels:
            x = level(x)
            shared.append(x)
        return shared


def build(name: str, kind: BaseInput, channels: Sequence[int]) -> Trunk:
    """A fresh trunk of the kind `name` for one kind of input. channels: of each level."""
    return load_kind("trunk", name)((kind.example(1).shape[1], *channels), kind.kernel, kind.size)

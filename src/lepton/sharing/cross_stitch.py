"""Cross-stitch units (Misra et al. 2016, arXiv 1604.03539): a network per task, mixed after every level by a learned matrix.

    x[t,l+1] = Σ_i A_l[t,i] f[i,l]        level l + 1 of task t's column goes on from there
    z[t,l]   = Σ_i R_l[t,i] f[i,l]        what task t's head reads, h = ReLU(norm(z))

The units A_l between levels are part of the trunk; those in front of heads, R_l, are the reads. All begin with .9 of the task's own
features and the other .1 spread over the others', which the paper found to learn well.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from lepton.blocks import Model
from lepton.sharing.base import Structure, at_heads
from lepton.sharing.columns import Columns, Mixing
from lepton.sharing.hard import Hard
from lepton.tasks.base import BaseTask

OWN = 0.9  # share of a task's own features at first


def unit(tasks: int) -> Tensor:
    """A cross-stitch unit as it begins [T, T]; rows sum to 1."""
    if tasks == 1:
        return torch.ones(1, 1)
    return torch.full((tasks, tasks), (1 - OWN) / (tasks - 1)).fill_diagonal_(OWN)


class Stitched(Columns):
    """Columns whose every level goes on from a mix of all columns' features."""

    def __init__(self, columns: Mapping[str, nn.Module], depth: int):
        super().__init__(columns)
        self.stitches = nn.ParameterList(unit(len(columns)) for _ in range(depth - 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        below, shared = [x] * len(self.columns), []
        for level in range(len(self.stitches) + 1):
            parts = [column.get_submodule(f"levels.{level}") for column in self.columns.values()]
            own = [part(one) for part, one in zip(parts, below, strict=True)]
            shared.append(torch.cat(own, 1))
            if level < len(self.stitches):
                last = torch.stack([one.permute(0, 2, 3, 1) for one in own])  # stays channels-last in memory
                below = [one.permute(0, 3, 1, 2) for one in torch.tensordot(self.stitches[level].to(last.dtype), last, 1)]
        return shared


class Unit(Mixing):
    """The rows of some readers out of a cross-stitch unit [R, T]."""

    def __init__(self, weight_RT: Tensor, channels: int):
        super().__init__(channels)
        self.weight = nn.Parameter(weight_RT)


class CrossStitch(Hard):
    """A column per task."""

    prunable: ClassVar[bool] = False

    @classmethod
    def plan(cls, model: Model, tasks: Mapping[str, BaseTask]) -> Structure:
        depth = len(model.trunk)
        readers, owners = at_heads(tasks, depth), ((),) * depth
        return Structure("cross_stitch", model.trunk, model.trunk, readers, owners, trunk_kind=model.trunk_kind)

    def _trunks(self) -> nn.Module:
        return Stitched({name: self._trunk() for name in self.tasks}, len(self.structure.trunk))

    def _read(self, level: int) -> nn.Module:
        names = list(self.tasks)
        mine = [names.index(name) for name in self.structure.readers[level]]
        return Unit(unit(len(names))[mine], self.structure.trunk[level])

    def read_kernels(self) -> dict[int, Tensor]:
        return {level: read.kernel(read.weight) for level, read in enumerate(self.reads) if isinstance(read, Unit)}

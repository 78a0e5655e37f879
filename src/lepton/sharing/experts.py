"""Mixtures of experts: MMoE (Ma et al. 2018) and, with experts of a task's own, after PLE (Tang et al. 2020).

E shared experts are columns of the trunk; every task reads each of them through a projection of its own. The mix is per sample:

    h[t,l] = ReLU(norm(Σ_e g[t,e] · W[t,e,l] s[e,l]  +  Σ_j g[t,E+j] · P[t,j,l] h[t,l−1])),     g[t] = softmax(gate of task t on x)

With own experts (j = 1 … `model.own_experts`, convolutions P that only task t has) a level of a task goes on from its mix below, as
in progressive layered extraction. Other than there a task has one gate for all levels, and shared experts see nothing of the tasks'
own: they are the trunk, which every task reads linearly. Without own experts heads read the mix of the level that they need. Gates
stand behind the cut: to the shared experts a task is a linear map.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lepton.blocks import Model
from lepton.sharing.base import Sharing, Structure, at_heads, up_to_heads
from lepton.sharing.columns import Columns, Reading
from lepton.tasks.base import BaseTask

LOOK = 8  # channels that a task's gate sees the input through


class Experts(Sharing):
    """gate: the input to every task's preference among shared experts and its own, before the softmax [B, T · (E + own), 1, 1].

    The norm follows the mix, whose shares differ from row to row, so a shift of an expert's channel is not taken out.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        plan, channels, tasks = self.structure, self.kind.example(1).shape[1], len(self.tasks)
        self.shared, self.own = plan.options["experts"], plan.options["own_experts"]
        self.branches, self.norms = nn.ModuleList(), nn.ModuleList()
        for level, (owners, width) in enumerate(zip(plan.owners, plan.branch, strict=True)):
            below, groups = (len(owners) * plan.branch[level - 1], len(owners)) if level else (channels, 1)
            rows = len(owners) * self.own * width
            self.branches.append(self.moves[level].convolution(below, rows, groups) if owners else nn.Identity())
            there = len(self.present(level)) * width
            self.norms.append(nn.BatchNorm2d(there) if there else nn.Identity())
        self.gate = nn.Sequential(
            OrderedDict(
                look=self.moves[0].convolution(channels, tasks * LOOK),
                norm=nn.BatchNorm2d(tasks * LOOK),
                relu=nn.ReLU(),
                mean=nn.AdaptiveAvgPool2d(1),
                choose=nn.Conv2d(tasks * LOOK, tasks * (self.shared + self.own), 1, groups=tasks),
            )
        )
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def plan(cls, model: Model, tasks: Mapping[str, BaseTask]) -> Structure:
        depth = len(model.trunk)
        readers = up_to_heads(tasks, depth) if model.own_experts else at_heads(tasks, depth)
        owners = readers if model.own_experts else ((),) * depth
        options = {"experts": model.experts, "own_experts": model.own_experts}
        return Structure("experts", model.trunk, model.branch, readers, owners, options, model.trunk_kind)

    def _trunks(self) -> nn.Module:
        return Columns({str(number): self._trunk() for number in range(self.structure.options["experts"])})

    def _read(self, level: int) -> nn.Module:
        readers, shared = self.structure.readers[level], self.structure.options["experts"]
        rows = len(readers) * shared * self.structure.branch[level]
        return Reading(self.structure.trunk[level], rows, list(range(shared)) * len(readers), shared)

    def read_kernels(self) -> dict[int, Tensor]:
        return {level: read.kernel() for level, read in enumerate(self.reads) if isinstance(read, Reading)}

    def features(self, x: Tensor, q: Sequence[Tensor]) -> list[Tensor]:
        names = list(self.tasks)
        share_BTE = self.gate(x).reshape(x.shape[0], len(names), -1).softmax(2)
        features: list[Tensor] = []
        for level, (branch, norm) in enumerate(zip(self.branches, self.norms, strict=True)):
            readers, (height, width) = self.structure.readers[level], q[level].shape[2:]
            if not readers:
                features.append(q[level])
                continue
            said = [q[level].reshape(x.shape[0], len(readers), self.shared, -1)]
            if isinstance(branch, nn.Conv2d):
                below = self._pick(features[-1], self.present(level - 1), readers) if level else x
                said.append(self.moves[level].pooled(branch(below)).reshape(x.shape[0], len(readers), self.own, -1))
            share_BRE = share_BTE[:, [names.index(name) for name in readers]]
            mixed = share_BRE[:, :, None] @ torch.cat(said, 2).to(share_BRE.dtype)
            features.append(norm(mixed.reshape(x.shape[0], -1, height, width)).relu_())
        return features

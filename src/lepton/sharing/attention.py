"""Attention per task (MTAN, Liu et al. 2019, arXiv 1803.10704): every task chooses from the shared features by a mask of its own.

    v, g = V[t,l] s_l, G[t,l] s_l                           the reads: value and gate
    mask = sigmoid(norm(g + own convolution of h[t,l−1]))   what the task attended to below has a say
    h[t,l] = mask ⊙ ReLU(norm(v))

In the paper the mask sees shared and attended features through one convolution; here its part for the shared ones is the read, so
that tasks touch the trunk by linear maps alone. `model.attention: hard` selects: the mask is 0 or 1, and learns by the sigmoid's
gradient (straight through, Bengio et al. 2013, arXiv 1308.3432).
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lepton.blocks import Model
from lepton.sharing.base import Sharing, Structure, up_to_heads
from lepton.sharing.trunk import convolution
from lepton.tasks.base import BaseTask

STEEP = 50.0  # of a hard mask between 0 and 1: with a jump, runtimes that differ in the last bits would differ in whole pixels


def selection(logit: Tensor) -> Tensor:
    """0 where the logit is below −.01, 1 where it is above .01; its gradient is that of the sigmoid."""
    smooth = logit.sigmoid()
    return (logit * STEEP + 0.5).clamp(0, 1).detach() + (smooth - smooth.detach())


class Attention(Sharing):
    """gate_norms: per level, the norms of the gates of the tasks present there."""

    shifts: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        plan = self.structure
        self.branches, self.norms, self.gate_norms = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for level, (readers, own) in enumerate(zip(plan.readers, plan.branch, strict=True)):
            count = len(readers)
            below = count * plan.branch[level - 1]
            self.branches.append(self.moves[level].convolution(below, count * own, count) if level else nn.Identity())
            self.norms.append(nn.BatchNorm2d(count * own))
            self.gate_norms.append(nn.BatchNorm2d(count * own))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def plan(cls, model: Model, tasks: Mapping[str, BaseTask]) -> Structure:
        below = up_to_heads(tasks, len(model.trunk))
        options = {"attention": model.attention}
        return Structure("attention", model.trunk, model.branch, below, ((), *below[1:]), options, model.trunk_kind)

    def _read(self, level: int) -> nn.Module:
        rows = 2 * len(self.structure.readers[level]) * self.structure.branch[level]
        return convolution(self.structure.trunk[level], rows, 1, 1)

    def features(self, x: Tensor, q: Sequence[Tensor]) -> list[Tensor]:
        mask = selection if self.structure.options["attention"] == "hard" else torch.sigmoid
        features: list[Tensor] = []
        for level, (branch, norm, gate) in enumerate(zip(self.branches, self.norms, self.gate_norms, strict=True)):
            readers, (height, width) = self.structure.readers[level], q[level].shape[2:]
            parts = q[level].reshape(x.shape[0], len(readers), 2, -1).unbind(2)
            value, logit = (part.reshape(x.shape[0], -1, height, width) for part in parts)
            if level:
                logit = logit + self.moves[level].pooled(branch(self._pick(features[-1], self.present(level - 1), readers)))
            features.append(mask(gate(logit)) * norm(value).relu_())
        return features

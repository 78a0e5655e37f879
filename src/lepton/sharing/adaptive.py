"""Adaptive sharing: every task mixes shared and own features, at every level, by a degree α[t,l] in [0, 1] that is learned.

    h[t,l] = ReLU(norm(α[t,l] · W[t,l] s_l + (1 − α[t,l]) · p[t,l])),   p[t,l] = branch of task t at level l on h[t,l−1]

The articles' f_shared = Σ αᵢ fᵢ and f_specific = Σ (1 − αᵢ) fᵢ, made per level. A task's branch starts at the input itself. The
branches of all tasks are one grouped convolution per level. Where α is snapped to 0 or 1, one side counts for nothing:
`reduced` leaves it out and changes no output.

Branches are a budget that the degrees move between tasks. The norm takes out the common size of α and 1 − α, so the slope of the
loss at a degree is, up to its sign, that at the size of the branch: the square of its share of the loss, summed over the first
steps, is the first-order Taylor importance of the branch (Molchanov et al. 2019, arXiv 1906.10771). Those of least importance are
given up, by α = 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lepton.blocks import Model
from lepton.sharing import grouped
from lepton.sharing.base import Sharing, Structure, up_to_heads
from lepton.sharing.degrees import Degrees
from lepton.tasks.base import BaseTask


class Adaptive(Degrees):
    """Shared and own features, mixed at every level."""

    prunable: ClassVar[bool] = True
    shifts: ClassVar[bool] = False
    need_TL: Tensor

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        plan = self.structure
        channels = self.kind.example(1).shape[1]
        self.branches, self.norms = nn.ModuleList(), nn.ModuleList()
        for level, (owners, own) in enumerate(zip(plan.owners, plan.branch, strict=True)):
            groups = len(owners) if level else 1
            below = channels if level == 0 else len(owners) * plan.branch[level - 1]
            width = len(owners) * own
            self.branches.append(self.moves[level].convolution(below, width, groups) if owners else nn.Identity())
            width = len(self.present(level)) * own
            self.norms.append(nn.BatchNorm2d(width) if width else nn.Identity())
        self.register_buffer("need_TL", torch.zeros_like(self.fixed_TL))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def plan(cls, model: Model, tasks: Mapping[str, BaseTask]) -> Structure:
        below = up_to_heads(tasks, len(model.trunk))
        options = {"branches": round(model.budget * sum(map(len, below))), "divide": model.divide} if model.budget < 1 else {}
        return Structure("adaptive", model.trunk, model.branch, below, below, options, model.trunk_kind)

    def _branches(self) -> tuple[int, Tensor]:
        """How many branches count, and which of them a task could give up: α is still learned there [T, L]."""
        owned = [[name in owners for owners in self._counting().owners] for name in self.tasks]
        owned_TL = torch.tensor(owned, device=self.fixed_TL.device) & (self.fixed_TL != 1)
        return int(owned_TL.sum()), owned_TL & self.fixed_TL.isnan()

    @property
    def settled(self) -> bool:
        """Are the branches above the budget given up, as far as they can be?"""
        budget = self.structure.options.get("branches")
        if budget is None or sum(map(len, self.structure.owners)) <= budget:
            return True
        count, free_TL = self._branches()
        return count <= budget or not free_TL.any()

    @torch.no_grad()
    def note(self, loss_T: Tensor) -> None:
        if not self.settled and self.degree_TL.grad is not None:
            share_TL = self.degree_TL.grad / loss_T[:, None]
            self.need_TL += share_TL.nan_to_num(0, 0, 0).square()  # without a labelled row, and where a step overflowed in fp16

    @torch.no_grad()
    def begin(self, done: float) -> bool:
        if not self.settled and done >= self.structure.options["divide"]:
            count, free_TL = self._branches()
            over = min(count - self.structure.options["branches"], int(free_TL.sum()))
            order = self.need_TL.where(free_TL, torch.inf).flatten().argsort(stable=True)
            self.fixed_TL.view(-1)[order[:over]] = 1.0
        return False

    def _degrees(self, alpha_TL: Tensor, level: int, tasks: Sequence[str]) -> Tensor:
        """α of some tasks at a level, one value for each of their channels [tasks · branch, 1, 1, 1]."""
        order = list(self.tasks)
        alpha_T = alpha_TL[:, level] if order == list(tasks) else alpha_TL[[order.index(name) for name in tasks], level]
        return alpha_T.repeat_interleave(self.structure.branch[level])[:, None, None, None]

    def read_kernels(self) -> dict[int, Tensor]:
        """α W: the degrees scale the kernels instead of the features, which is the same and costs nothing."""
        plain, alpha_TL = super().read_kernels(), self.alpha_TL
        return {level: kernel * self._degrees(alpha_TL, level, self.structure.readers[level]) for level, kernel in plain.items()}

    def features(self, x: Tensor, q: Sequence[Tensor]) -> list[Tensor]:
        features: list[Tensor] = []
        own_TL = 1 - self.alpha_TL
        for level, (branch, norm) in enumerate(zip(self.branches, self.norms, strict=True)):
            if not self.present(level):
                features.append(x[:, :0])
                continue
            own = None
            if isinstance(branch, nn.Conv2d):
                owners = self.structure.owners[level]
                below = x if level == 0 else self._pick(features[-1], self.present(level - 1), owners)
                own = grouped.convolve(below, branch.weight * self._degrees(own_TL, level, owners), branch)
                own = self.moves[level].pooled(own)
            features.append(norm(self._mix(level, q[level], own)).relu_())
        return features

    def _mix(self, level: int, q: Tensor, p: Tensor | None) -> Tensor:
        """α q + (1 − α) p, both already scaled, with the channels of the tasks present at this level in order."""
        readers, owners = self.structure.readers[level], self.structure.owners[level]
        if p is None or readers == owners:
            return q if p is None else p.add_(q)
        shared = dict(zip(readers, q.chunk(len(readers), 1), strict=True)) if readers else {}
        own = dict(zip(owners, p.chunk(len(owners), 1), strict=True))
        both = [[part[name] for part in (own, shared) if name in part] for name in self.present(level)]
        return torch.cat([parts[0] if len(parts) == 1 else parts[0] + parts[1] for parts in both], 1)

    def _counting(self) -> Structure:
        """The structure without reads where α = 0, branches where α = 1, and what only they used."""
        depth, names = len(self.structure.trunk), list(self.tasks)
        alpha = dict(zip(names, self.alpha_TL.tolist(), strict=True))
        readers: list[tuple[str, ...]] = [()] * depth
        owners: list[tuple[str, ...]] = [()] * depth
        for level in reversed(range(depth)):
            above = owners[level + 1] if level + 1 < depth else ()
            needed = [name for name in names if name in above or level in self.tasks[name].read_levels(depth)]
            readers[level] = tuple(n for n in needed if alpha[n][level] > 0 and n in self.structure.readers[level])
            owners[level] = tuple(n for n in needed if alpha[n][level] < 1 and n in self.structure.owners[level])
        return replace(self.structure, readers=tuple(readers), owners=tuple(owners))

    @torch.no_grad()
    def reduced(self) -> "Adaptive":
        plan = self._counting()
        if plan == self.structure:
            return self
        small = Adaptive(self.kind, self.tasks, plan, self.dropout)
        small.load_state_dict(self.carried(self.state_dict(), small))
        return small.to(self.degree_TL).train(self.training)

    def carried(self, named: Mapping[str, Tensor], smaller: Sharing) -> dict[str, Tensor]:
        result = dict(named)
        for level, width in enumerate(self.structure.branch):
            old, new = (
                {"reads": one.structure.readers[level], "branches": one.structure.owners[level], "norms": one.present(level)}
                for one in (self, smaller)
            )
            for key in [key for key in named if key.startswith(tuple(f"{room}.{level}." for room in old))]:
                there, kept = (names[key.partition(".")[0]] for names in (old, new))
                if not kept:
                    del result[key]
                elif named[key].ndim:
                    result[key] = torch.cat([named[key][there.index(n) * width : (there.index(n) + 1) * width] for n in kept])
        return result

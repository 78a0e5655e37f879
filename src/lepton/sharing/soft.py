"""Soft parameter sharing: a network per task, mixed by α: f_shared = Σ αᵢ fᵢ, and of f_specific = Σ (1 − αᵢ) fᵢ its term for each.

Column i is a whole trunk of task i; f[i,l] are its features at level l. Where task t's head reads level l, it gets what all tasks
share there and its own term of what is specific (all terms of both sums together would be Σ fᵢ for every task, whatever α):

    z[t,l] = Σ_i α[i,l] f[i,l]  +  (1 − α[t,l]) f[t,l]        h[t,l] = ReLU(norm(z[t,l])),   α[t,l] in [0, 1], learned

A task with α = 0 gives the others nothing, one with α = 1 keeps nothing for itself. A task's own features reach its head whole,
by one way or the other, so α[t,l] is learned from the other tasks' losses alone: it says how much they want of what t knows. At
levels that no head reads nothing is shared, and α is 0. The mix is linear in all columns' features: it is the read, and the columns
are the trunk.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lepton.blocks import Model
from lepton.sharing.base import Structure, at_heads
from lepton.sharing.columns import Columns, Mixing
from lepton.sharing.degrees import Degrees
from lepton.sharing.hard import Hard
from lepton.tasks.base import BaseTask


class Soft(Degrees, Hard):
    """A trunk per task; α says what each gives to all and keeps for itself."""

    prunable: ClassVar[bool] = False
    same_TT: Tensor

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.register_buffer("same_TT", torch.eye(len(self.tasks)), persistent=False)
        self.fixed_TL[:, [level for level, names in enumerate(self.structure.readers) if not names]] = 0.0

    @classmethod
    def plan(cls, model: Model, tasks: Mapping[str, BaseTask]) -> Structure:
        depth = len(model.trunk)
        return Structure("soft", model.trunk, model.trunk, at_heads(tasks, depth), ((),) * depth, trunk_kind=model.trunk_kind)

    def _trunks(self) -> nn.Module:
        return Columns({name: self._trunk() for name in self.tasks})

    def _read(self, level: int) -> nn.Module:
        return Mixing(self.structure.trunk[level])  # α is all there is to learn of a read

    def read_kernels(self) -> dict[int, Tensor]:
        kernels, names = {}, list(self.tasks)
        for level, read in enumerate(self.reads):
            if isinstance(read, Mixing):
                alpha_T, readers = self.alpha_TL[:, level], self.structure.readers[level]
                mix_TT = alpha_T + self.same_TT * (1 - alpha_T)
                kernels[level] = read.kernel(mix_TT[[names.index(name) for name in readers]])
        return kernels

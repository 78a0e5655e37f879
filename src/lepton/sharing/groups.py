"""A trunk per group of related tasks (Standley et al. 2020, arXiv 1905.07553): tasks of different groups share nothing.

The groups are those that `relate` has measured. Within a group sharing is hard.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from torch import Tensor, nn

from lepton.blocks import Model
from lepton.sharing.base import Structure, at_heads
from lepton.sharing.columns import Columns, Reading
from lepton.sharing.hard import Hard
from lepton.tasks.base import BaseTask


class Groups(Hard):
    """A column per group; a task reads that of its group."""

    prunable: ClassVar[bool] = False

    @classmethod
    def plan(cls, model: Model, tasks: Mapping[str, BaseTask]) -> Structure:
        depth = len(model.trunk)
        together = {"groups": (tuple(tasks),)}
        return Structure("groups", model.trunk, model.branch, at_heads(tasks, depth), ((),) * depth, together, model.trunk_kind)

    @classmethod
    def grouped(cls, plan: Structure, groups: Sequence[Sequence[str]]) -> Structure:
        return replace(plan, options={"groups": tuple(map(tuple, groups))})

    def _trunks(self) -> nn.Module:
        return Columns({str(number): self._trunk() for number in range(len(self.structure.options["groups"]))})

    def _read(self, level: int) -> nn.Module:
        groups, readers = self.structure.options["groups"], self.structure.readers[level]
        column = {name: number for number, group in enumerate(groups) for name in group}
        rows = len(readers) * self.structure.branch[level]
        return Reading(self.structure.trunk[level], rows, [column[name] for name in readers], len(groups))

    def read_kernels(self) -> dict[int, Tensor]:
        return {level: read.kernel() for level, read in enumerate(self.reads) if isinstance(read, Reading)}

"""Sequential learning: a task's head reads other tasks' outputs too (`after: [digit]`), and they do not learn from it.

What others say is detached, so a task still has a gradient of zero at whatever belongs to another task.
"""

from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter

import torch
from torch import Tensor, nn

from lepton.tasks.base import BaseTask, Level


class Link(nn.Module):
    """A task's raw output [B, ...] to an addition to another task's features [B, C, 1, 1]; nothing at first.

    Raw outputs of many pixels count by their mean and their maximum.
    """

    def __init__(self, said: Tensor, channels: int):
        super().__init__()
        self.linear = nn.Linear(self.pooled(said).shape[1], channels, bias=False)
        nn.init.zeros_(self.linear.weight)

    @staticmethod
    def pooled(raw: Tensor) -> Tensor:
        return raw if raw.ndim == 2 else torch.cat([raw.mean((2, 3)), raw.amax((2, 3))], 1)

    def forward(self, raw: Tensor) -> Tensor:
        return self.linear(self.pooled(raw))[:, :, None, None]


def _before(tasks: Mapping[str, BaseTask]) -> dict[str, list[str]]:
    """Whose output each task reads, of the tasks that are there: a network of one task has nobody to listen to."""
    return {name: [other for other in task.after if other in tasks] for name, task in tasks.items()}


def of(links: nn.ModuleDict, reader: str) -> dict[str, Link]:
    """The links of one reader, by the task that it reads."""
    return dict(links[reader].items()) if reader in links else {}  # type: ignore[operator]


def order(tasks: Mapping[str, BaseTask]) -> list[str]:
    """The tasks, each after those whose output it reads."""
    before = _before(tasks)
    return list(TopologicalSorter(before).static_order()) if any(before.values()) else list(tasks)  # in every step


def links(
    tasks: Mapping[str, BaseTask], heads: nn.ModuleDict, levels: Mapping[str, Sequence[Level]], size: tuple[int, int]
) -> nn.ModuleDict:
    """Reader -> task that it reads -> Link to the last of the reader's levels."""

    @torch.no_grad()
    def said(name: str) -> Tensor:
        return heads[name]([torch.zeros(1, one.channels, *(-(-side // one.stride) for side in size)) for one in levels[name]])

    return nn.ModuleDict(
        {
            name: nn.ModuleDict({other: Link(said(other), levels[name][-1].channels) for other in others})
            for name, others in _before(tasks).items()
            if others
        }
    )

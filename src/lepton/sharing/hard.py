"""Hard parameter sharing (Caruana 1997): one trunk, a head per task. With one task it is the single-task baseline."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from lepton.blocks import Model
from lepton.sharing.base import Sharing, Structure, at_heads
from lepton.tasks.base import BaseTask


class Hard(Sharing):
    """Every task reads the levels that its head needs, and has no features of its own before the head."""

    prunable: ClassVar[bool] = True
    shifts: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.branches = nn.ModuleList()
        widths = [len(self.present(level)) * own for level, own in enumerate(self.structure.branch)]
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) if width else nn.Identity() for width in widths)

    @classmethod
    def plan(cls, model: Model, tasks: Mapping[str, BaseTask]) -> Structure:
        depth = len(model.trunk)
        return Structure("hard", model.trunk, model.branch, at_heads(tasks, depth), ((),) * depth, trunk_kind=model.trunk_kind)

    def features(self, x: Tensor, q: Sequence[Tensor]) -> list[Tensor]:
        return [norm(own).relu_() for norm, own in zip(self.norms, q, strict=True)]

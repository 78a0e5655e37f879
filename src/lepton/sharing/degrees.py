"""Degrees of sharing α[t,l] in [0, 1] that are learned: where they start, what pulls them to the ends, and how they are fixed."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lepton.sharing.base import Sharing


class Degrees(Sharing):
    """degree_TL: α before the sigmoid, learned. fixed_TL: nan where α is learned, else the 0 or 1 that it was snapped to."""

    degree_TL: nn.Parameter
    fixed_TL: Tensor

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        shape = (len(self.tasks), len(self.structure.trunk))
        self.degree_TL = nn.Parameter(torch.zeros(shape))
        self.register_buffer("fixed_TL", torch.full(shape, torch.nan))

    @property
    def alpha_TL(self) -> Tensor:
        return torch.where(self.fixed_TL.isnan(), self.degree_TL.sigmoid(), self.fixed_TL.nan_to_num())

    def start(self, alpha: Mapping[str, Sequence[float]]) -> None:
        """Sets the degrees that learning starts from, e.g. those that relatedness suggests."""
        values = torch.tensor([list(alpha[name]) for name in self.tasks]).clamp(0.01, 0.99)
        with torch.no_grad():
            self.degree_TL.copy_(values.logit())

    def pressure(self) -> Tensor:
        """Σ α (1 − α): 0 when every degree is 0 or 1."""
        return (self.alpha_TL * (1 - self.alpha_TL)).sum()

    @torch.no_grad()
    def snap(self, margin: float) -> None:
        alpha_TL = self.degree_TL.sigmoid()
        near = self.fixed_TL.isnan() & ((alpha_TL < margin) | (alpha_TL > 1 - margin))
        self.fixed_TL.copy_(torch.where(near, alpha_TL.round(), self.fixed_TL))

    def degrees(self) -> dict[str, list[float]]:
        return dict(zip(self.tasks, self.alpha_TL.tolist(), strict=True))

    def snapped(self) -> dict[str, list[bool]]:
        return dict(zip(self.tasks, (~self.fixed_TL.isnan()).tolist(), strict=True))

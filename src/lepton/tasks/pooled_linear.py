"""The head of every kind whose answer is about the whole input."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lepton import narrow
from lepton.tasks.base import Head, Level


class PooledLinear(Head):
    """Mean and maximum over the last level's pixels, then one linear map: [B, C, H, W] -> [B, outputs]."""

    def __init__(self, level: Level, outputs: int, dropout: float):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(2 * level.channels, outputs)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        last = features[-1]
        pooled_BC = torch.cat([last.mean((2, 3)), last.amax((2, 3))], 1)
        return self.linear(self.dropout(pooled_BC))

    def narrow(self, kept: Sequence[Tensor]) -> None:
        channels = self.linear.in_features // 2
        self.linear = narrow.linear(self.linear, torch.cat([kept[-1], kept[-1] + channels]))

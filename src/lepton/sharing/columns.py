"""Trunks side by side, and the reads of such a trunk: each row reads one column, or all columns are mixed."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from lepton.sharing.trunk import convolution


class Columns(nn.Module):
    """x [B, C, H, W] to s_l, the features of all columns at every level, one after the other [B, columns · C_l, H_l, W_l]."""

    def __init__(self, columns: Mapping[str, nn.Module]):
        super().__init__()
        self.columns = nn.ModuleDict(columns)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [torch.cat(level, 1) for level in zip(*(column(x) for column in self.columns.values()), strict=True)]


class Reading(nn.Module):
    """Rows r that read column column_R[r] and no other: weight [R · b, C, 1, 1]."""

    where_RT: Tensor

    def __init__(self, channels: int, rows: int, column_R: Sequence[int], columns: int):
        super().__init__()
        self.weight = convolution(channels, rows, 1, 1).weight
        self.register_buffer("where_RT", torch.eye(columns)[list(column_R)], persistent=False)

    def kernel(self) -> Tensor:
        """On all columns [R · b, columns · C, 1, 1]."""
        weight_RbC = self.weight[:, :, 0, 0].unflatten(0, (len(self.where_RT), -1))
        return (weight_RbC[:, :, None] * self.where_RT[:, None, :, None]).flatten(0, 1).flatten(1)[:, :, None, None]


class Mixing(nn.Module):
    """Mixes columns channel by channel."""

    same_CC: Tensor

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("same_CC", torch.eye(channels), persistent=False)  # litert-torch 0.10 cannot run one that is made anew

    def kernel(self, weight_RT: Tensor) -> Tensor:
        """The Kronecker product of the weights and the identity [R · C, T · C, 1, 1]."""
        return (weight_RT[:, None, :, None] * self.same_CC[:, None, :]).flatten(0, 1).flatten(1)[:, :, None, None]

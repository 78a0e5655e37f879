"""Trunks side by side, and the reads of such a trunk: some rows read one column, or all columns are mixed."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class Columns(nn.Module):
    """x [B, C, H, W] to s_l, the features of all columns at every level, one after the other [B, columns · C_l, H_l, W_l]."""

    def __init__(self, columns: Mapping[str, nn.Module]):
        super().__init__()
        self.columns = nn.ModuleDict(columns)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [torch.cat(level, 1) for level in zip(*(column(x) for column in self.columns.values()), strict=True)]


def reading(weight_RbC: Tensor, column_R: Sequence[int], columns: int) -> Tensor:
    """Kernel [R · b, columns · C, 1, 1] whose rows r read column column_R[r] and no other."""
    where_RT = torch.eye(columns, dtype=weight_RbC.dtype, device=weight_RbC.device)[list(column_R)]
    return (weight_RbC[:, :, None] * where_RT[:, None, :, None]).flatten(0, 1).flatten(1)[:, :, None, None]


def mixing(weight_RT: Tensor, channels: int) -> Tensor:
    """Kernel [R · C, T · C, 1, 1] that mixes T columns channel by channel: its Kronecker product with the identity."""
    same_CC = torch.eye(channels, dtype=weight_RT.dtype, device=weight_RT.device)
    return (weight_RT[:, None, :, None] * same_CC[:, None, :]).flatten(0, 1).flatten(1)[:, :, None, None]

"""Heads of one shape run as one, so that the time of a step does not grow with its number of calls."""

from collections.abc import Hashable, Mapping, Sequence

import torch
from torch import Tensor

from lepton.tasks.pooled_linear import PooledLinear


def alike(keys: Mapping[str, Hashable]) -> list[list[str]]:
    """The names that share a key, in their order."""
    groups: dict[Hashable, list[str]] = {}
    for name, key in keys.items():
        groups.setdefault(key, []).append(name)
    return list(groups.values())


def pooled(heads: Mapping[str, PooledLinear], feature: Tensor, there: Sequence[str]) -> dict[str, Tensor]:
    """Each head's output [B, K] on its own channels, out of those of `there` [B, there · C, H, W]; a product per shape."""
    if len(there) == 1:
        return {name: head([feature]) for name, head in heads.items()}
    if not heads:
        return {}
    per_task = (len(there), -1)
    pooled_BTC = torch.cat([feature.mean((2, 3)).unflatten(1, per_task), feature.amax((2, 3)).unflatten(1, per_task)], 2)
    place = {name: number for number, name in enumerate(there)}
    raw: dict[str, Tensor] = {}
    for names in alike({name: head.linear.weight.shape for name, head in heads.items()}):
        mine_BTC = pooled_BTC
        if names != list(there):
            chosen = torch.tensor([place[name] for name in names]).to(feature.device, non_blocking=True)
            mine_BTC = pooled_BTC.index_select(1, chosen)
        mine_TBC = heads[names[0]].dropout(mine_BTC).transpose(0, 1)
        weight_TKC = torch.stack([heads[name].linear.weight for name in names])
        bias_TK = torch.stack([heads[name].linear.bias for name in names])
        raw |= zip(names, torch.baddbmm(bias_TK[:, None], mine_TBC, weight_TKC.mT).unbind(), strict=True)
    return raw

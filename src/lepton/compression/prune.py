"""Structured pruning: whole channels go, so that what is left is a smaller dense network of the same kind.

A channel's importance is the first-order Taylor estimate on its normalisation (Molchanov et al. 2019, arXiv 1906.10771):
Σ over batches of (γ ∂L/∂γ + β ∂L/∂β)². The least important share goes, at every level, alike in the trunk and in every branch.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace

import torch
from torch import Tensor, nn

from lepton import narrow
from lepton.kinds import load as load_kind
from lepton.sharing import sequence
from lepton.sharing.base import Sharing
from lepton.sharing.strided import StridedLevel
from lepton.training.step import task_losses
from lepton.types import Batch

Importance = dict[str, Tensor]
"""Name of a normalisation layer -> importance of each of its channels."""


def importance(model: Sharing, batches: Iterable[Batch], class_weights: Mapping[str, Tensor | None]) -> Importance:
    """Taylor importance of every normalised channel, with the model in evaluation mode."""
    model = deepcopy(model).eval()
    norms = {name: layer for name, layer in model.named_modules() if isinstance(layer, nn.BatchNorm2d)}
    total = {name: torch.zeros_like(layer.weight) for name, layer in norms.items()}
    for batch in batches:
        model.zero_grad(set_to_none=True)
        losses_T, _ = task_losses(model, model(batch.inputs), batch.labels, class_weights)
        losses_T.sum().backward()
        for name, layer in norms.items():
            if layer.weight.grad is not None and layer.bias.grad is not None:
                total[name] += (layer.weight * layer.weight.grad + layer.bias * layer.bias.grad).detach() ** 2
    return total


def _top(score: Tensor, count: int) -> Tensor:
    """Indices of the `count` largest, in their order."""
    return score.argsort(descending=True, stable=True)[:count].sort().values


def _rows(mine: Mapping[str, Tensor], tasks: Sequence[str], width: int) -> Tensor:
    """The channels of some tasks where each has `width`, one task after the other."""
    return torch.cat([mine[name] + place * width for place, name in enumerate(tasks)])


def possible(model: Sharing) -> bool:
    return model.prunable and load_kind("trunk", model.structure.trunk_kind).prunable


def prune(model: Sharing, scores: Importance, share: float) -> Sharing:
    """A copy that keeps about `share` of the channels of every level; at least two."""
    small = deepcopy(model)
    plan, names = model.structure, list(model.tasks)
    trunk = tuple(max(2, round(width * share)) for width in plan.trunk)
    branch = tuple(max(2, round(width * share)) for width in plan.branch)
    kept: list[dict[str, Tensor]] = []  # per level and task, the branch channels
    below: Tensor | None = None
    for level, width in enumerate(plan.branch):
        block = small.trunk.levels[level]  # type: ignore[index]
        assert isinstance(block, StridedLevel)
        inner = _top(scores[f"trunk.levels.{level}.down_norm"], trunk[level])
        outer = _top(scores[f"trunk.levels.{level}.same_norm"], trunk[level])
        block.down, block.same = narrow.conv(block.down, inner, below), narrow.conv(block.same, outer, inner)
        block.down_norm, block.same_norm = narrow.norm(block.down_norm, inner), narrow.norm(block.same_norm, outer)
        there = model.present(level)
        parts = scores[f"norms.{level}"].chunk(len(there)) if there else ()
        mine = {name: _top(part, branch[level]) for name, part in zip(there, parts, strict=True)}
        scale, read, own = small.norms[level], small.reads[level], small.branches[level] if model.branches else None
        if isinstance(scale, nn.BatchNorm2d):
            small.norms[level] = narrow.norm(scale, _rows(mine, there, width))
        if isinstance(read, nn.Conv2d):
            small.reads[level] = narrow.conv(read, _rows(mine, plan.readers[level], width), outer)
        if isinstance(own, nn.Conv2d):
            owners = plan.owners[level]
            if level == 0:
                small.branches[level] = narrow.conv(own, _rows(mine, owners, width))
            else:
                small.branches[level] = narrow.grouped(own, [mine[n] for n in owners], [kept[-1][n] for n in owners])
        kept.append(mine)
        below = outer
    depth = len(plan.trunk)
    for name in names:
        mine_L = [kept[level][name] for level in model.tasks[name].read_levels(depth)]
        small.heads[name].narrow(mine_L)  # type: ignore[operator]
        for link in sequence.of(small.links, name).values():
            link.linear = narrow.answers(link.linear, mine_L[-1])
    small.structure = replace(plan, trunk=trunk, branch=branch)
    return small.eval()

"""What relatedness is read from: a short joint training in which every task keeps features of its own."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from lepton.config import Params
from lepton.data.store import Samples
from lepton.sharing.base import Sharing
from lepton.training import predict

MANY = 12  # tasks


def narrow(params: Params) -> Params:
    """Above MANY tasks with narrower branches, all together as wide as those of MANY, so that a probe of more takes no longer."""
    share = min(1.0, MANY / len(params.tasks))
    branch = tuple(max(1, round(share * width)) for width in params.model.branch)
    return params.model_copy(update={"model": params.model.model_copy(update={"branch": branch})})


@torch.no_grad()
def alike(model: Sharing) -> None:
    """Starts every task from the same numbers where shapes allow, so that gradients differ by what the tasks want alone.

    From numbers of their own, a task and its duplicate on other rows look hardly more alike than two strangers.
    """
    plan = model.structure
    for rooms, there in ((model.reads, plan.readers), (model.branches, plan.owners)):
        for room, names, width in zip(rooms, there, plan.branch, strict=False):
            if names and isinstance(room.weight, Tensor):
                first, *others = room.weight.split(width)
                for other in others:
                    other.copy_(first)
    first_of: dict[tuple[str, torch.Size], Tensor] = {}
    for head in model.heads.values():
        for name, parameter in head.named_parameters():
            parameter.copy_(first_of.setdefault((name, parameter.shape), parameter))


@torch.no_grad()
def features(model: Sharing, samples: Samples) -> Mapping[str, np.ndarray]:
    """Each task's own features at the last level that its head reads, averaged over pixels [N, branch]."""
    found: dict[str, list[Tensor]] = {name: [] for name in model.tasks}
    device = next(model.parameters()).device
    depth = len(model.structure.trunk)
    for inputs in predict.batches(samples, model.kind, device):
        levels = model.features(inputs, model.read(model.trunk(inputs)))
        own = [model.by_task(level, feature) for level, feature in enumerate(levels)]
        for name, task in model.tasks.items():
            found[name].append(own[max(task.read_levels(depth))][name].mean((2, 3)).cpu())
    return {name: torch.cat(parts).numpy() for name, parts in found.items()}

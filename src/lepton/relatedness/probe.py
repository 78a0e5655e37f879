"""What relatedness is read from: a short joint training in which every task keeps features of its own."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from lepton.data.store import Samples
from lepton.sharing.base import Sharing
from lepton.training import predict


@torch.no_grad()
def features(model: Sharing, samples: Samples) -> Mapping[str, np.ndarray]:
    """Each task's own features at the last level, averaged over pixels [N, branch]."""
    found: dict[str, list[Tensor]] = {name: [] for name in model.tasks}
    device = next(model.parameters()).device
    last = len(model.structure.trunk) - 1
    for inputs in predict.batches(samples, model.kind, device):
        levels = model.features(inputs, model.read(model.trunk(inputs)))
        for name, feature in model.by_task(last, levels[last]).items():
            found[name].append(feature.mean((2, 3)).cpu())
    return {name: torch.cat(parts).numpy() for name, parts in found.items()}

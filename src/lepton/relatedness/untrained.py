"""Features of the samples that no task has had a say in: the inputs and every level of trunks that nobody has trained."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lepton.data.store import Samples
from lepton.sharing.base import Sharing
from lepton.training import predict

INPUT, LEVEL = 14, 4  # pixels of a side, to which inputs and levels are averaged
COLUMNS = 96  # of each trunk's level: the channels of a fresh trunk are all alike, so the first ones do
CALIBRATION = 1024  # rows that the trunks' norms are set by


@torch.no_grad()
def features(models: Sequence[Sharing], samples: Samples, width: int, generator: np.random.Generator) -> np.ndarray:
    """[N, at most width], centred, of mean square norm 1: the principal components of all that fresh networks' trunks see.

    The inputs and each level count alike. The models' norms are changed.
    """
    device, kind = next(models[0].parameters()).device, models[0].kind
    some = samples.take(np.sort(generator.permutation(len(samples))[:CALIBRATION]))
    for model in models:
        settled(model.trunk, next(predict.batches(some, kind, device, CALIBRATION)))
    parts: list[list[Tensor]] = []
    for inputs in predict.batches(samples, kind, device):
        levels = zip(*(model.trunk(inputs) for model in models), strict=True)
        parts.append(
            [pooled(inputs, INPUT), *(torch.cat([pooled(one, LEVEL)[:, :COLUMNS] for one in level], 1) for level in levels)]
        )
    blocks = [torch.cat(rows).float() for rows in zip(*parts, strict=True)]
    blocks = [block - block.mean(0) for block in blocks]
    whole = torch.cat([block / block.square().sum(1).mean().sqrt().clamp(min=1e-12) for block in blocks], 1)
    _, axes = torch.linalg.eigh((whole.T @ whole).double())
    found = whole.double() @ axes.flip(1)[:, :width]
    return (found / found.square().sum(1).mean().sqrt().clamp(min=1e-12)).cpu().numpy()


def settled(trunk: nn.Module, inputs: Tensor) -> None:
    """Gives the trunk's norms the statistics of these inputs."""
    for module in trunk.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # those of the next batch alone
    trunk.train()(inputs)
    trunk.eval()


def pooled(level: Tensor, side: int) -> Tensor:
    """Means over a grid of at most side × side [B, C · side²]."""
    height, width = level.shape[2:]
    return F.adaptive_avg_pool2d(level, (min(side, height), min(side, width))).flatten(1)

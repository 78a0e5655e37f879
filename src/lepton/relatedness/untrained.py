"""Features of the samples that no task has had a say in: the inputs and every level of a trunk that nobody has trained."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lepton.data.store import Samples
from lepton.sharing.base import Sharing
from lepton.training import predict

INPUT, LEVEL = 8, 3  # pixels of a side, to which inputs and levels are averaged
CALIBRATION = 1024  # rows that the trunk's norms are set by


@torch.no_grad()
def features(model: Sharing, samples: Samples, width: int, generator: np.random.Generator) -> np.ndarray:
    """[N, at most width], centred, of mean square norm 1: the principal components of all that a fresh network's trunk sees.

    The inputs and each level count alike. The model's norms are changed.
    """
    device = next(model.parameters()).device
    norms = [module for module in model.trunk.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0  # the statistics of the next batch
    some = samples.take(np.sort(generator.permutation(len(samples))[:CALIBRATION]))
    model.trunk.train()(next(predict.batches(some, model.kind, device, CALIBRATION)))
    model.trunk.eval()
    parts: list[list[Tensor]] = []
    for inputs in predict.batches(samples, model.kind, device):
        parts.append([pooled(inputs, INPUT), *(pooled(level, LEVEL) for level in model.trunk(inputs))])
    blocks = [torch.cat(rows).float() for rows in zip(*parts, strict=True)]
    blocks = [block - block.mean(0) for block in blocks]
    whole = torch.cat([block / block.square().sum(1).mean().sqrt().clamp(min=1e-12) for block in blocks], 1)
    left, size, _ = torch.svd_lowrank(whole, min(width, *whole.shape))  # a wide trunk has thousands of columns
    found = (left * size).double()
    return (found / found.square().sum(1).mean().sqrt().clamp(min=1e-12)).cpu().numpy()


def pooled(level: Tensor, side: int) -> Tensor:
    """Means over a grid of at most side × side [B, C · side²]."""
    height, width = level.shape[2:]
    return F.adaptive_avg_pool2d(level, (min(side, height), min(side, width))).flatten(1)

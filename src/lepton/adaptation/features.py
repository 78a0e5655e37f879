"""What adaptation sees of a sample: the trained network's features, computed once, since trunk and branches stay frozen.

F features: mean and maximum over the pixels of the last two levels, of the shared trunk and of every task's branch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lepton.data.store import Samples
from lepton.sharing.base import Sharing
from lepton.training import predict

LEVELS = 2  # earlier ones are edges and colours; with them nearest centroid was worse and meta-learning no better


@torch.no_grad()
def pooled(model: Sharing, inputs_BCHW: Tensor) -> Tensor:
    """Features [B, F] of inputs as the network sees them, in evaluation mode."""
    shared = model.trunk(inputs_BCHW)
    own = model.features(inputs_BCHW, model.read(shared))
    maps = [feature for feature in (*shared[-LEVELS:], *own[-LEVELS:]) if feature.shape[1]]
    return torch.cat([part for one in maps for part in (one.mean((2, 3)), one.amax((2, 3)))], 1).float()


def extract(model: Sharing, samples: Samples, device: torch.device) -> Tensor:
    """Features [N, F] of every row, on the CPU."""
    return torch.cat([pooled(model, inputs).cpu() for inputs in predict.batches(samples, model.kind, device)])


@dataclass(frozen=True)
class Standard:
    """Mean and standard deviation [F] of the training split's features, by which all others are standardised."""

    mean_F: Tensor
    std_F: Tensor

    @classmethod
    def of(cls, features_NF: Tensor) -> "Standard":
        return cls(features_NF.mean(0), features_NF.std(0).clamp(min=1e-3))

    def __call__(self, features_NF: Tensor) -> Tensor:
        return (features_NF - self.mean_F) / self.std_F

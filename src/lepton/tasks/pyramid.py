"""Feature pyramid (Lin et al. 2017, arXiv 1612.03144): coarse levels are projected, enlarged and added to finer ones."""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from lepton import narrow


class Pyramid(nn.Module):
    """A list of [B, C_l, H_l, W_l], finest first, to [B, C_0, H_0, W_0]."""

    def __init__(self, channels: Sequence[int]):
        super().__init__()
        self.down = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairwise(channels))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        top = features[-1]
        for fine, project in zip(reversed(features[:-1]), reversed(self.down), strict=True):
            # nearest enlargement of a projection, cut to size where a side was odd
            enlarged = F.interpolate(project(top), scale_factor=2.0, mode="nearest")
            top = F.relu(fine + enlarged[:, :, : fine.shape[2], : fine.shape[3]])
        return top

    def narrow(self, kept: Sequence[Tensor]) -> None:
        pairs = zip(self.down, pairwise(kept), strict=True)
        self.down = nn.ModuleList(narrow.conv(layer, out=fine, into=coarse) for layer, (fine, coarse) in pairs)  # type: ignore[arg-type]

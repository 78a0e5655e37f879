"""LeNet, as multi-task papers use it on MultiMNIST (Sener & Koltun 2018, arXiv 1810.04650, after LeCun et al. 1998).

Every level but the last is a convolution of side 5, a maximum of 2 × 2 pixels and ReLU; the last is a fully connected layer with
ReLU, written as a convolution over all pixels that remain. On 28 × 28 pixels: 12 × 12, 4 × 4, 1. No normalisation.
"""

from typing import ClassVar

from torch import Tensor, nn

from lepton.errors import LeptonError
from lepton.sharing.trunk import Move, Trunk

SIDE, POOL = 5, 2  # pixels


class LeNetLevel(nn.Module):
    """[B, C, H, W] -> [B, C', H', W']."""

    def __init__(self, move: Move, channels_in: int, channels_out: int):
        super().__init__()
        self.move = move
        self.convolution = nn.Conv2d(channels_in, channels_out, move.kernel, move.stride, move.padding)

    def forward(self, x: Tensor) -> Tensor:
        return self.move.pooled(self.convolution(x)).relu()


class LeNet(Trunk):
    prunable: ClassVar[bool] = False
    tiles: ClassVar[bool] = False

    @classmethod
    def plan(cls, depth: int, kernel: int, size: tuple[int, int]) -> list[Move]:
        height, width = size
        for _ in range(depth - 1):
            height, width = (height - SIDE + 1) // POOL, (width - SIDE + 1) // POOL
        if height < 1 or width < 1:
            raise LeptonError(
                f"params.yaml: inputs: a size of {list(size)} leaves no pixel to the last of {depth} levels of model.trunk_kind "
                "lenet. Use strided, or fewer levels."
            )
        return [Move((SIDE, SIDE), 1, 0, POOL)] * (depth - 1) + [Move((height, width), max(height, width), 0)]

    def level(self, move: Move, channels_in: int, channels_out: int) -> nn.Module:
        return LeNetLevel(move, channels_in, channels_out)

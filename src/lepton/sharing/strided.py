"""The default trunk: each level halves the side. Where neighbours mean nothing, kernels have side 1, and no side shrinks."""

from typing import ClassVar

from torch import Tensor, nn

from lepton.sharing.trunk import Move, Trunk, convolution


class StridedLevel(nn.Module):
    """Two convolutions with batch normalisation and ReLU, the first one halving the side: [B, C, H, W] -> [B, C', H/2, W/2]."""

    def __init__(self, move: Move, channels_in: int, channels_out: int):
        super().__init__()
        self.down = move.convolution(channels_in, channels_out)
        self.down_norm = nn.BatchNorm2d(channels_out)
        self.same = convolution(channels_out, channels_out, move.kernel[0], 1)
        self.same_norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down_norm(self.down(x)).relu_()
        return self.same_norm(self.same(x)).relu_()


class Strided(Trunk):
    prunable: ClassVar[bool] = True
    tiles: ClassVar[bool] = True

    @classmethod
    def plan(cls, depth: int, kernel: int, size: tuple[int, int]) -> list[Move]:
        return [Move((kernel, kernel), 2 if kernel > 1 else 1, kernel // 2)] * depth

    def level(self, move: Move, channels_in: int, channels_out: int) -> nn.Module:
        return StridedLevel(move, channels_in, channels_out)

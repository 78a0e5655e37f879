"""The shared trunk: L levels, each halving the side of an image and computed once for all tasks."""

from collections.abc import Sequence

from torch import Tensor, nn


def convolution(channels_in: int, channels_out: int, kernel: int, stride: int, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2, groups=groups, bias=False)


class TrunkLevel(nn.Module):
    """Two convolutions with batch normalisation and ReLU, the first one halving the side: [B, C, H, W] -> [B, C', H/2, W/2]."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int):
        super().__init__()
        self.down = convolution(channels_in, channels_out, kernel, stride)
        self.down_norm = nn.BatchNorm2d(channels_out)
        self.same = convolution(channels_out, channels_out, kernel, 1)
        self.same_norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down_norm(self.down(x)).relu_()
        return self.same_norm(self.same(x)).relu_()


class Trunk(nn.Module):
    """x [B, C, H, W] to the shared features s_1 ... s_L."""

    def __init__(self, channels_in: int, channels: Sequence[int], kernel: int, stride: int):
        super().__init__()
        sides = [channels_in, *channels]
        self.levels = nn.ModuleList(TrunkLevel(a, b, kernel, stride) for a, b in zip(sides, channels, strict=False))

    def forward(self, x: Tensor) -> list[Tensor]:
        shared = []
        for level in self.levels:
            x = level(x)
            shared.append(x)
        return shared

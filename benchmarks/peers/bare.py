"""The bare limit: a hard-sharing network as one would write it by hand for speed, and an ordinary training loop around it."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def block(channels_in: int, channels_out: int, kernel: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True)]


def trunk(channels: tuple[int, ...]) -> nn.Sequential:
    """Two 3 × 3 convolutions per level, the first of stride 2: [B, 3, H, W] to the last level's [B, C, H / 2^L, W / 2^L]."""
    sides = zip((3, *channels), channels, strict=False)
    return nn.Sequential(*[layer for a, b in sides for layer in (*block(a, b, 3, 2), *block(b, b, 3, 1))])


def pooled(feature: Tensor) -> Tensor:
    """Mean and maximum over the pixels [B, 2 C]."""
    return torch.cat([feature.mean((2, 3)), feature.amax((2, 3))], 1)


class OneByOne(nn.Module):
    """Every task's head, `width` channels read from the last level and a linear map of K outputs, as a module of its own."""

    def __init__(self, channels: tuple[int, ...], width: int, tasks: int, classes: int):
        super().__init__()
        self.trunk = trunk(channels)
        self.heads = nn.ModuleList(self.head(channels[-1], width, classes) for _ in range(tasks))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def head(self, channels: int, width: int, classes: int) -> nn.Module:
        return nn.ModuleList([nn.Sequential(*block(channels, width, 1, 1)), nn.Linear(2 * width, classes)])

    def answers(self, feature: Tensor) -> list[Tensor]:
        """Logits [B, K] of each task."""
        return [linear(pooled(read(feature))) for read, linear in self.heads]  # type: ignore[misc, has-type]

    def losses(self, x: Tensor, class_TB: Tensor) -> Tensor:
        """Mean cross-entropy of each task [T]."""
        return torch.stack([F.cross_entropy(a, c) for a, c in zip(self.answers(self.trunk(x)), class_TB, strict=True)])


class Batched(nn.Module):
    """The same function with all tasks' heads as one convolution, one normalisation and one batched matrix product."""

    def __init__(self, channels: tuple[int, ...], width: int, tasks: int, classes: int):
        super().__init__()
        self.tasks = tasks
        self.trunk = trunk(channels)
        self.read = nn.Sequential(*block(channels[-1], tasks * width, 1, 1))
        self.weight_TCK = nn.Parameter(torch.randn(tasks, 2 * width, classes) / (2 * width) ** 0.5)
        self.bias_T1K = nn.Parameter(torch.zeros(tasks, 1, classes))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def losses(self, x: Tensor, class_TB: Tensor) -> Tensor:
        feature = self.read(self.trunk(x))
        both = [feature.mean((2, 3)), feature.amax((2, 3))]
        pooled_BTC = torch.cat([one.unflatten(1, (self.tasks, -1)) for one in both], 2)
        logits_TBK = torch.baddbmm(self.bias_T1K, pooled_BTC.transpose(0, 1), self.weight_TCK)
        return F.cross_entropy(logits_TBK.flatten(0, 1).float(), class_TB.flatten(), reduction="none").view_as(class_TB).mean(1)


def batches(inputs: Tensor, class_TN: Tensor, size: int, device: str) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of shuffled batches, uint8 to [-1, 1], from tensors in memory."""
    for rows in torch.randperm(len(inputs)).split(size):
        x = inputs[rows].to(device).float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)
        yield x, class_TN[:, rows].to(device)


def train(network: Batched, moves: torch.optim.Optimizer, inputs: Tensor, class_TN: Tensor, size: int, device: str) -> None:
    """One epoch with equal weights."""
    for x, class_TB in batches(inputs, class_TN, size, device):
        moves.zero_grad(set_to_none=True)
        network.losses(x, class_TB).sum().backward()
        moves.step()

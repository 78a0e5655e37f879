"""A second opinion on labels: each row is judged by a small model that was trained on the other rows."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from rich.progress import Progress
from torch import Tensor, nn

WIDTHS = (16, 32, 64)
BATCH = 64
PEAK = 0.004  # learning rate


class Judge(nn.Module):
    """A plain convolutional network with one linear head per task: [B, C, H, W] -> {task: logits [B, K]}."""

    def __init__(self, channels: int, classes: dict[str, int]):
        super().__init__()
        layers: list[nn.Module] = []
        for width in WIDTHS:
            layers += [nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            layers += [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        self.body = nn.Sequential(*layers)
        self.body.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.heads = nn.ModuleDict({task: nn.Linear(2 * channels, number) for task, number in classes.items()})

    def forward(self, images_BCHW: Tensor) -> dict[str, Tensor]:
        last = self.body(images_BCHW)
        pooled_BC = torch.cat([last.mean((2, 3)), last.amax((2, 3))], 1)
        return {task: head(pooled_BC) for task, head in self.heads.items()}


def out_of_fold(
    images: np.ndarray, labels: dict[str, np.ndarray], classes: dict[str, int], *, folds: int, epochs: int, seed: int
) -> dict[str, np.ndarray]:
    """Probability [N, K] of every class per task, each row by the model whose training left it out.

    images: uint8 [N, C, H, W]. labels: class [N] per task, -1 where missing. All tasks share one model per fold.
    """
    generator = torch.Generator().manual_seed(seed)
    fold_N = torch.randperm(len(images), generator=generator) % folds
    label_NT = torch.stack([torch.from_numpy(labels[task]) for task in classes], 1)
    pixels_NCHW = torch.from_numpy(images)
    result = {task: np.zeros((len(images), number), np.float32) for task, number in classes.items()}
    with Progress(transient=True) as progress:
        bar = progress.add_task("Judging labels", total=folds * epochs)
        for fold in range(folds):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed + fold)
                model = Judge(images.shape[1], classes)
            mine = torch.nonzero(fold_N != fold)[:, 0]
            for _ in _train(model, pixels_NCHW, label_NT, mine, epochs, generator):
                progress.advance(bar)
            for rows in torch.nonzero(fold_N == fold)[:, 0].split(8 * BATCH):
                for task, probability_BK in _judge(model, pixels_NCHW[rows]).items():
                    result[task][rows.numpy()] = probability_BK.numpy()
    return result


def _train(
    model: Judge, pixels_NCHW: Tensor, label_NT: Tensor, rows: Tensor, epochs: int, generator: torch.Generator
) -> Iterator[None]:
    """Trains on `rows`, each epoch in another order; yields after each."""
    steps = -(-len(rows) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK, total_steps=steps * epochs)
    model.train()
    for _ in range(epochs):
        for batch in rows[torch.randperm(len(rows), generator=generator)].tensor_split(steps):
            optimizer.zero_grad()
            _loss(model(_prepared(pixels_NCHW[batch])), label_NT[batch]).backward()
            optimizer.step()
            schedule.step()
        yield


def _loss(logits: dict[str, Tensor], label_BT: Tensor) -> Tensor:
    """Cross-entropy over the labels that are there, summed over the tasks."""
    total = torch.zeros(())
    for logit_BK, label_B in zip(logits.values(), label_BT.T, strict=True):
        present = (label_B >= 0).sum().clamp(min=1)
        total = total + F.cross_entropy(logit_BK, label_B, ignore_index=-1, reduction="sum") / present
    return total


@torch.no_grad()
def _judge(model: Judge, pixels_BCHW: Tensor) -> dict[str, Tensor]:
    model.eval()
    return {task: logit_BK.softmax(1) for task, logit_BK in model(_prepared(pixels_BCHW)).items()}


def _prepared(pixels_BCHW: Tensor) -> Tensor:
    return pixels_BCHW.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)

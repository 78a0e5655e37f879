"""Task affinity by looking ahead (TAG; Fifty et al. 2021, arXiv 2109.04617).

    Z[a, b] = 1 − L_a(θ − η ∇_θ L_b) / L_a(θ)

How much of task a's loss on a batch goes when the trunk θ takes a step that b alone wants; a mean over batches during a training.
T forward passes and T backwards a batch: the price of asking each task what it would do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from lepton.sharing.base import Sharing
from lepton.training.loop import Trainer
from lepton.training.parts import StatisticsKept
from lepton.training.step import task_losses
from lepton.types import Batch


def lookahead(model: Sharing, batch: Batch, lr: float, class_weights: Mapping[str, Tensor | None]) -> Tensor:
    """Z [T, T], of one batch whose inputs are as the network sees them; nan for tasks without a label in it. Changes nothing."""
    shared = [parameter for parameter in model.trunk.parameters() if parameter.requires_grad]

    def losses() -> tuple[Tensor, Tensor]:
        with StatisticsKept(model):
            return task_losses(model, model(batch.inputs), batch.labels, class_weights)

    loss_T, active_T = losses()
    steps = [torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True) for loss in loss_T]
    found = []
    with torch.no_grad():
        before = [parameter.clone() for parameter in shared]
        for step in steps:
            for parameter, start, grad in zip(shared, before, step, strict=True):
                parameter.copy_(start if grad is None else start - lr * grad)
            found.append(1 - losses()[0] / loss_T)
        for parameter, start in zip(shared, before, strict=True):
            parameter.copy_(start)
    score_TT = torch.stack(found, 1)
    score_TT[~active_T] = torch.nan
    score_TT[:, ~active_T] = torch.nan
    return score_TT


@dataclass
class Ahead:
    """Looks ahead in a training: after an epoch, on some of its batches."""

    batches: int
    found: list[np.ndarray] = field(default_factory=list)

    def look(self, trainer: Trainer, seed: int) -> None:
        order = torch.from_numpy(np.random.default_rng(seed).permutation(len(trainer.train)))
        for rows in order.split(trainer.params.train.batch_size)[: self.batches]:
            batch = trainer.train.batch(rows, trainer.device)
            batch = Batch(trainer.model.kind.prepare(batch.inputs), batch.labels)
            self.found.append(lookahead(trainer.model, batch, trainer.lr, trainer.weights).cpu().numpy())

    def mean(self) -> np.ndarray:
        """Z [T, T] over all batches looked at; nan where none says anything."""
        seen = ~np.isnan(self.found)
        return np.where(seen.any(0), np.nan_to_num(self.found).sum(0) / np.maximum(seen.sum(0), 1), np.nan)

"""Smooth Tchebycheff scalarisation (Lin et al. 2024, arXiv 2402.19078, eq. 10): mostly the task that is worst off.

The gradient of μ log Σ exp(log(L_t / z_t) / μ) over the losses: softmax(log(L_t / z_t) / μ) / L_t, with z_t the first loss, so
that the unit of a loss does not matter.
"""

import torch
from torch import Tensor

from lepton.training.weighting.base import Weighting

SMOOTH = 0.5  # μ


class STCH(Weighting):
    first_T: Tensor

    def __init__(self, num_tasks: int):
        super().__init__(num_tasks)
        self.register_buffer("first_T", torch.full((num_tasks,), torch.nan))

    def weigh(self, loss_T: Tensor, gram_TT: Tensor) -> Tensor:
        first_T = self.first_T[self.active_T]
        first_T = torch.where(first_T.isnan(), loss_T.to(first_T), first_T)
        self.first_T[self.active_T] = first_T
        loss_T = loss_T.clamp(min=1e-6)
        return ((loss_T / first_T.to(loss_T).clamp(min=1e-6)).log() / SMOOTH).softmax(0) / loss_T

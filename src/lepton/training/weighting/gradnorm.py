"""GradNorm (Chen et al. 2018, arXiv 1711.02257): weights are learned so that all tasks train at similar rates.

Target for the weighted gradient norm of task t: the mean norm times r_t^α, r_t the loss over its first value, relative to the
mean of that; the weights take a gradient step on Σ |w_t ‖g_t‖ − target_t| and are brought back to a mean of 1. Norms are at
the shared features, where the paper takes those of the last shared layer.
"""

import torch
from torch import Tensor

from lepton.training.weighting.base import Weighting

ALPHA, RATE, LEAST = 1.5, 0.025, 1e-3


class GradNorm(Weighting):
    first_T: Tensor
    weight_T: Tensor

    def __init__(self, num_tasks: int):
        super().__init__(num_tasks)
        self.register_buffer("first_T", torch.full((num_tasks,), torch.nan))
        self.register_buffer("weight_T", torch.ones(num_tasks))

    def weigh(self, loss_T: Tensor, gram_TT: Tensor) -> Tensor:
        first_T = self.first_T[self.active_T]
        first_T = torch.where(first_T.isnan(), loss_T.to(first_T), first_T)
        self.first_T[self.active_T] = first_T
        weight_T = self.weight_T[self.active_T]
        norm_T = gram_TT.diagonal().clamp(min=0).sqrt().to(weight_T)
        norm_T = norm_T / norm_T.mean().clamp(min=1e-12)
        rate_T = loss_T.to(weight_T) / first_T.clamp(min=1e-12)
        target_T = (weight_T * norm_T).mean() * (rate_T / rate_T.mean().clamp(min=1e-12)) ** ALPHA
        weight_T = (weight_T - RATE * norm_T * (weight_T * norm_T - target_T).sign()).clamp(min=LEAST)
        weight_T = weight_T / weight_T.mean()
        self.weight_T[self.active_T] = weight_T
        return weight_T.to(loss_T)

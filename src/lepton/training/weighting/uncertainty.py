"""Weights at the optimum of uncertainty weighting (Kendall et al. 2018, arXiv 1705.07115): w_t = 1 / (2 σ_t²) with σ_t² = L_t.

The stationary point of L_t / (2 σ²) + log σ over σ², in closed form (Kirchdorfer et al. 2024, arXiv 2408.07985), on a running
mean of the loss; invariant to the scale of any loss.
"""

import torch
from torch import Tensor

from lepton.training.weighting.base import Weighting


class Uncertainty(Weighting):
    mean_T: Tensor

    def __init__(self, num_tasks: int, momentum: float = 0.95):
        super().__init__(num_tasks)
        self.momentum = momentum
        self.register_buffer("mean_T", torch.full((num_tasks,), torch.nan))

    def weigh(self, loss_T: Tensor, gram_TT: Tensor) -> Tensor:
        before = self.mean_T[self.active_T]
        after = torch.where(before.isnan(), loss_T, self.momentum * before + (1 - self.momentum) * loss_T)
        self.mean_T[self.active_T] = after.to(before)
        return 1 / after.clamp(min=1e-6)

"""Dynamic weight average (Liu et al. 2019, arXiv 1803.10704, eq. 7): more weight for losses that fall more slowly.

w = softmax(r / 2), r = the loss of the last window over that of the one before; the paper's windows are epochs.
"""

import torch
from torch import Tensor

from lepton.training.weighting.base import Weighting

TEMPERATURE = 2.0


class DWA(Weighting):
    """recent_2T: mean losses of the two latest whole windows, the older first; nan until there are."""

    sum_T: Tensor
    count_T: Tensor
    recent_2T: Tensor

    def __init__(self, num_tasks: int, window: int = 32):
        super().__init__(num_tasks)
        self.window = window
        self.register_buffer("sum_T", torch.zeros(num_tasks))
        self.register_buffer("count_T", torch.zeros(num_tasks))
        self.register_buffer("recent_2T", torch.full((2, num_tasks), torch.nan))

    def weigh(self, loss_T: Tensor, gram_TT: Tensor) -> Tensor:
        self.sum_T[self.active_T] += loss_T.to(self.sum_T)
        self.count_T[self.active_T] += 1
        full = self.active_T & (self.count_T >= self.window)
        self.recent_2T[0, full] = self.recent_2T[1, full]
        self.recent_2T[1, full] = self.sum_T[full] / self.count_T[full]
        self.sum_T[full] = self.count_T[full] = 0
        before_T, last_T = self.recent_2T[:, self.active_T]
        ratio_T = (last_T / before_T.clamp(min=1e-12)).nan_to_num(1.0)
        return (ratio_T / TEMPERATURE).softmax(0).to(loss_T)

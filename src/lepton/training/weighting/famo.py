"""FAMO (Liu et al. 2023, arXiv 2306.03792): every task's log loss is to fall at the same rate.

w_t = z_t / L_t with z = softmax(ξ), and ξ moves against the tasks that gained most. The paper measures the gain by a second
forward pass on the batch; here it is the first-order gain of the step just weighed, (M w)_t / L_t, which costs nothing.
"""

import torch
from torch import Tensor

from lepton.training.weighting.base import Weighting

RATE, DECAY = 0.025, 0.01


class FAMO(Weighting):
    logit_T: Tensor

    def __init__(self, num_tasks: int):
        super().__init__(num_tasks)
        self.register_buffer("logit_T", torch.zeros(num_tasks))

    def weigh(self, loss_T: Tensor, gram_TT: Tensor) -> Tensor:
        loss_T = loss_T.clamp(min=1e-6)
        logit_T = self.logit_T[self.active_T].to(loss_T)
        share_T = logit_T.softmax(0)
        weight_T = share_T / loss_T
        gain_T = gram_TT.to(loss_T) @ weight_T / loss_T
        gain_T = gain_T / gain_T.abs().max().clamp(min=1e-12)
        slope_T = share_T * (gain_T - share_T @ gain_T)
        slope_T = slope_T / slope_T.abs().max().clamp(min=1e-6)
        self.logit_T[self.active_T] = (logit_T - RATE * (slope_T + DECAY * logit_T)).to(self.logit_T)
        return weight_T

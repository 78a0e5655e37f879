"""Equal weights: the baseline that every other weighting has to beat (Kurin et al. 2022, arXiv 2201.04122)."""

import torch
from torch import Tensor

from lepton.training.weighting.base import Weighting


class Equal(Weighting):
    def forward(self, loss_T: Tensor, gram_TT: Tensor, active_T: Tensor) -> Tensor:
        return active_T.to(loss_T.dtype)  # without a look at them, for which a GPU would have to be waited for

    def weigh(self, loss_T: Tensor, gram_TT: Tensor) -> Tensor:
        return torch.ones_like(loss_T)

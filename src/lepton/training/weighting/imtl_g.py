"""IMTL-G (Liu et al. 2021, "Towards Impartial Multi-task Learning", eq. 5-7): equal projections on every task's unit gradient.

Here with non-negative weights: negative ones are cut to 0.
"""

import torch
from torch import Tensor

from lepton.training.weighting.base import Weighting


class IMTLG(Weighting):
    def weigh(self, loss_T: Tensor, gram_TT: Tensor) -> Tensor:
        norm_T = gram_TT.diagonal().clamp(min=1e-12).sqrt()
        weight_T = torch.linalg.pinv(gram_TT / norm_T.mean() ** 2, hermitian=True) @ (norm_T / norm_T.mean())
        weight_T = weight_T.clamp(min=0)
        return weight_T if weight_T.sum() > 0 else torch.ones_like(weight_T)

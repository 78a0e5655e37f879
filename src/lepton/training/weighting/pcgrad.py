"""PCGrad (Yu et al. 2020, arXiv 2001.06782, algorithm 1): each task's gradient loses its part against every conflicting one.

On the Gram matrix: g_i = Σ_t c_it g_t, and projecting g_i off g_j changes c_ij alone. The most opposed task comes first, so that
neither chance nor the order of the tasks has a say; the paper shuffles.
"""

import torch
from torch import Tensor

from lepton.training.weighting.base import Weighting


class PCGrad(Weighting):
    def weigh(self, loss_T: Tensor, gram_TT: Tensor) -> Tensor:
        count = len(loss_T)
        share_TT = torch.eye(count, dtype=gram_TT.dtype, device=gram_TT.device)
        norm_T = gram_TT.diagonal().clamp(min=1e-12).sqrt()
        for i in range(count):
            for j in (gram_TT[i] / norm_T).argsort().tolist():
                if i != j and gram_TT[j, j] > 0:
                    inner = share_TT[i] @ gram_TT[:, j]
                    if inner < 0:
                        share_TT[i, j] -= inner / gram_TT[j, j]
        return share_TT.sum(0)

"""What weightings share that solve a small problem on the Gram matrix: float64, on the CPU, in a unit of its own."""

from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor

from lepton.training.weighting.base import Weighting

RIDGE = 1e-8  # of the diagonal: makes the solution unique where gradients repeat, and alike for alike tasks


class Geometric(Weighting):
    """Tasks without a gradient weigh 1 and have no say."""

    @abstractmethod
    def solve(self, gram_TT: np.ndarray) -> np.ndarray:
        """Weights [T], any scale, for a positive definite Gram matrix whose mean diagonal is 1."""

    def weigh(self, loss_T: Tensor, gram_TT: Tensor) -> Tensor:
        gram = gram_TT.detach().cpu().double().numpy()
        weight_T = np.ones(len(gram))
        alive = gram.diagonal() > 1e-12 * max(gram.diagonal().max(), 1e-30)
        if alive.sum() > 1:
            inner = gram[np.ix_(alive, alive)]
            inner = inner / inner.diagonal().mean()
            found = self.solve(inner + RIDGE * np.diag(inner.diagonal())).clip(min=0)
            weight_T[alive] = found / found.mean() if found.sum() > 0 else 1.0
        return torch.as_tensor(weight_T, dtype=loss_T.dtype, device=loss_T.device)


def root(gram_TT: np.ndarray) -> np.ndarray:
    """R [T, T] with RᵀR = M: its columns have the gradients' inner products."""
    value_T, vector_TT = np.linalg.eigh(gram_TT)
    return np.sqrt(value_T.clip(min=0))[:, None] * vector_TT.T

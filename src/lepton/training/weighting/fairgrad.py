"""FairGrad (Ban & Ji 2024, arXiv 2402.15638): α-fair gains. The direction d = Σ w_t g_t solves g_t · d = w_t^(−1/α) for every task.

M w = w^(−1/α) is the stationary point of ½ wᵀ M w − Σ ∫ w^(−1/α), strictly convex: damped Newton finds it in a dozen steps.
"""

import numpy as np

from lepton.training.weighting.geometric import Geometric

STEPS, TOLERANCE = 100, 1e-12


class FairGrad(Geometric):
    alpha = 2.0

    def solve(self, gram_TT: np.ndarray) -> np.ndarray:
        power = 1 / self.alpha
        weight_T = gram_TT.diagonal() ** (-1 / (1 + power))  # the solution without conflict or agreement
        for _ in range(STEPS):
            slope_T = gram_TT @ weight_T - weight_T**-power
            move_T = np.linalg.solve(gram_TT + np.diag(power * weight_T ** (-power - 1)), slope_T)
            step = min(1.0, 0.9 / max((move_T / weight_T).max(), 1e-30))  # weights stay positive
            weight_T = weight_T - step * move_T
            if np.abs(move_T).max() < TOLERANCE * weight_T.max():
                break
        return weight_T

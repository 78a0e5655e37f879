"""CAGrad (Liu et al. 2021, arXiv 2110.14048): the best worst-case gain near the mean gradient.

max over ‖d − g₀‖ ≤ c ‖g₀‖ of min_t g_t · d, by its dual: min over the simplex of w · M 1/T + c ‖g₀‖ ‖Σ w_t g_t‖; then
d = g₀ + c ‖g₀‖ / ‖g_w‖ · g_w.
"""

import numpy as np
from scipy.optimize import minimize

from lepton.training.weighting.geometric import Geometric


class CAGrad(Geometric):
    c = 0.4

    def solve(self, gram_TT: np.ndarray) -> np.ndarray:
        count = len(gram_TT)
        mean_T = np.full(count, 1 / count)
        toward_T = gram_TT @ mean_T
        radius = self.c * np.sqrt(mean_T @ toward_T)

        def dual(w: np.ndarray) -> tuple[float, np.ndarray]:
            length = np.sqrt(w @ gram_TT @ w)
            return float(w @ toward_T + radius * length), toward_T + radius * (gram_TT @ w) / length

        found = minimize(
            dual,
            mean_T,
            jac=True,
            method="SLSQP",
            bounds=[(0, 1)] * count,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(count)},
            options={"ftol": 1e-12, "maxiter": 200},
        ).x
        return mean_T + radius / np.sqrt(found @ gram_TT @ found) * found

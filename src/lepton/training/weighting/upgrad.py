"""UPGrad (Quinton & Rey 2024, arXiv 2406.16232): the mean of the gradients, each projected onto the dual cone of all.

Projecting g_i: g_i + Σ u_t g_t with the least u ≥ 0 in length, ‖R (e_i + u)‖, a non-negative least squares problem on the Gram
matrix; the result is uphill for no task.
"""

import numpy as np
from scipy.optimize import nnls

from lepton.training.weighting.geometric import Geometric, root


class UPGrad(Geometric):
    def solve(self, gram_TT: np.ndarray) -> np.ndarray:
        columns = root(gram_TT)
        return 1 + np.sum([nnls(columns, -column)[0] for column in columns.T], axis=0)

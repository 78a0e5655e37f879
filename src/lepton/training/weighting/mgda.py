"""MGDA (Désidéri 2012; Sener & Koltun 2018, arXiv 1810.04650): the shortest convex combination of the tasks' gradients.

min ‖Σ w_t g_t‖ over w ≥ 0, Σ w = 1, exactly: Wolfe's reduction to one non-negative least squares problem. The gradients come
with their own length; MGDA then favours the tasks with the shortest.
"""

import numpy as np
from scipy.optimize import nnls

from lepton.training.weighting.geometric import Geometric, root


class MGDA(Geometric):
    def solve(self, gram_TT: np.ndarray) -> np.ndarray:
        count = len(gram_TT)
        system = np.concatenate([root(gram_TT), np.ones((1, count))])
        return nnls(system, np.eye(count + 1)[-1])[0]

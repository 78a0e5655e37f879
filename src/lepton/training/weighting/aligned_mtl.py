"""Aligned-MTL (Senushkin et al. 2023, arXiv 2305.19000): principal components of the gradients are brought to one length.

With M = V Λ Vᵀ the balance is √λ_min V Λ^(−½) Vᵀ, applied to equal preferences. Negative weights are cut to 0.
"""

import numpy as np

from lepton.training.weighting.geometric import Geometric


class AlignedMTL(Geometric):
    def solve(self, gram_TT: np.ndarray) -> np.ndarray:
        value_T, vector_TT = np.linalg.eigh(gram_TT)
        kept = value_T > 1e-6 * value_T.max()  # components that are there at all
        vector_TK = vector_TT[:, kept]
        return vector_TK @ ((vector_TK.sum(0)) / np.sqrt(value_T[kept]))

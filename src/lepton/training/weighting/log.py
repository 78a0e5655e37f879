"""The gradient of Σ log L_t, the geometric mean of the losses (Chennupati et al. 2019, arXiv 1904.08492): w_t = 1 / L_t.

No state and no setting; the unit of a loss does not matter.
"""

from torch import Tensor

from lepton.training.weighting.base import Weighting


class Log(Weighting):
    def weigh(self, loss_T: Tensor, gram_TT: Tensor) -> Tensor:
        return 1 / loss_T.clamp(min=1e-6)

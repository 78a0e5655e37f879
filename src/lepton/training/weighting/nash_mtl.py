"""Nash-MTL (Navon et al. 2022, arXiv 2202.01017, eq. 5): the Nash bargaining solution, M w = 1 / w.

It is FairGrad at α = 1, proportional fairness; solved exactly where the paper uses a sequence of convex approximations.
"""

from lepton.training.weighting.fairgrad import FairGrad


class NashMTL(FairGrad):
    alpha = 1.0

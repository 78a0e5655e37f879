"""Nearest centroid on centred, L2-normalised features (SimpleShot's CL2N, Wang et al. 2019, arXiv 1911.04623)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lepton.adaptation.episodes import Episodes


def classify(episodes: Episodes) -> Tensor:
    """Minus the distance of each query to each class's mean [E, Q, W]; the features come centred."""
    support_ESF, query_EQF = F.normalize(episodes.support_ESF, dim=2), F.normalize(episodes.query_EQF, dim=2)
    member_ESW = F.one_hot(episodes.support_label_ES, episodes.ways).float()
    centre_EWF = torch.bmm(member_ESW.mT, support_ESF) / member_ESW.sum(1)[:, :, None]
    return -torch.cdist(query_EQF, centre_EWF)

"""MAML (Finn et al. 2017, arXiv 1703.03400): the gradient of the queries' loss through the steps that adapted to the support set.

Second order, all episodes of a batch at once; the inner loop moves the head alone (`head.fit`).
"""

import torch

from lepton.adaptation.episodes import Episodes
from lepton.adaptation.head import Map, embed, fit, logits, loss


def gradient(start: Map, episodes: Episodes, steps: int, lr: float) -> Map:
    """∂/∂start of the mean query loss after `steps` at rate `lr` on each episode's support set."""
    weight, bias = (part.detach().requires_grad_() for part in start)
    head = fit(embed((weight, bias), episodes.support_ESF), episodes.support_label_ES, episodes.ways, steps, lr)
    loss_E = loss(logits(head, embed((weight, bias), episodes.query_EQF)), episodes.query_label_EQ)
    grad_DF, grad_D = torch.autograd.grad(loss_E.mean(), (weight, bias))
    return grad_DF, grad_D

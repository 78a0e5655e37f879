"""Reptile (Nichol et al. 2018, arXiv 1803.02999): the way back from where plain gradient descent on an episode leads.

(φ − mean over episodes of φ̃) / α, used as a gradient (section 2 there); after one step it is that of training on all episodes
together. Reptile needs no queries, so all rows of an episode are trained on. Map and head move; the head's end is forgotten.
"""

import torch
from torch import Tensor

from lepton.adaptation.episodes import Episodes
from lepton.adaptation.head import Head, Map, embed, logits, loss, zero


def gradient(start: Map, episodes: Episodes, steps: int, lr: float) -> Map:
    """(start − mean end) / lr after `steps` at rate `lr` on each episode."""
    features_ESF = torch.cat([episodes.support_ESF, episodes.query_EQF], 1)
    label_ES = torch.cat([episodes.support_label_ES, episodes.query_label_EQ], 1)
    head = zero(len(episodes), episodes.ways, len(start[1]))
    (weight_EDF, bias_ED), _ = descend(start, head, features_ESF, label_ES, steps, lr)
    return (start[0] - weight_EDF).mean(0) / lr, (start[1] - bias_ED).mean(0) / lr


def descend(start: Map, head: Head, features_ESF: Tensor, label_ES: Tensor, steps: int, lr: float) -> tuple[Map, Head]:
    """Plain gradient descent from `start` on each episode's own copy: the maps [E, D, F], [E, D] and heads that it ends at."""
    count = len(features_ESF)
    parts = [part.detach().expand(count, *part.shape) for part in start] + list(head)
    for _ in range(steps):
        leaves = [part.detach().requires_grad_() for part in parts]
        loss_E = loss(logits((leaves[2], leaves[3]), embed((leaves[0], leaves[1]), features_ESF)), label_ES)
        slopes = torch.autograd.grad(loss_E.sum(), leaves)
        parts = [part.detach() - lr * slope for part, slope in zip(leaves, slopes, strict=True)]
    return (parts[0], parts[1]), (parts[2], parts[3])

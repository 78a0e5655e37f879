"""How near the one-backward Gram matrix is to that over all shared parameters, by what it is there to replace: T backwards."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lepton.sharing.base import Sharing
from lepton.training.parts import Part, seeds


def exact_gradients(model: Sharing, parts: Sequence[Part]) -> Tensor:
    """Each task's gradient at all parameters of the trunk [T, P], by a backward for each task."""
    parameters, rows = list(model.trunk.parameters()), []
    for one_T in torch.eye(len(model.tasks), device=parameters[0].device):
        found = [torch.zeros_like(parameter) for parameter in parameters]
        for part in parts:
            if starts := seeds(model, part, one_T):
                roots = [part.shared[level] for level in starts]
                grads = torch.autograd.grad(roots, parameters, [*starts.values()], retain_graph=True, allow_unused=True)
                found = [f if g is None else f + g for f, g in zip(found, grads, strict=True)]
        rows.append(torch.cat([grad.flatten() for grad in found]))
    return torch.stack(rows)


def agreement(grad_TP: Tensor, exact_TP: Tensor, active_T: Tensor) -> dict[str, float]:
    """The two Gram matrices of the tasks with a label, compared: 1 is the same up to a factor.

    cosine: of the matrices, as weightings see them. spearman: of the ranks of all pairs' affinities (cosines of gradients), the
    ranking of `relate`; from three tasks on.
    """
    near_TT, far_TT = ((g := grads[active_T].double()) @ g.T for grads in (grad_TP, exact_TP))
    found = {"cosine": float((near_TT * far_TT).sum() / (near_TT.norm() * far_TT.norm()).clamp(min=1e-300))}
    if len(near_TT) > 2:
        above = torch.triu(torch.ones_like(near_TT, dtype=torch.bool), 1)
        ranks = []
        for gram_TT in (near_TT, far_TT):
            norm_T = gram_TT.diagonal().sqrt().clamp(min=1e-150)
            ranks.append((gram_TT / norm_T / norm_T[:, None])[above].argsort().argsort().double())
        found["spearman"] = float(torch.corrcoef(torch.stack(ranks))[0, 1])
    return found

"""The step: one forward, one backward, whatever the number of tasks.

The graph is cut at the reads q[t,l] = W[t,l] s_l. One backward through heads and branches gives ∂L_t/∂q[t,l] for every task, and
with it, for free, every task's gradient at shared parameters: for a scale γ_l and a shift β_l of the channels of s_l (γ = 1, β = 0,
never updated),

    ∂L_t/∂γ_l[c] = Σ_r W[t,l][r,c] · (∂L_t/∂W[t,l])[r,c]        ∂L_t/∂β_l = W[t,l]ᵀ Σ ∂L_t/∂q[t,l]

Both are exact for linear reads. All levels concatenated are G[t]; M = G Gᵀ decides the weights; the trunk's one backward starts
from q with ∂L_t/∂q[t,l] scaled by w_t. Everything that belongs to one task takes its own plain gradient.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lepton.sharing.base import Sharing
from lepton.training.weighting.base import Weighting
from lepton.types import Batch


@dataclass(frozen=True)
class StepResult:
    """loss_T: mean over labelled rows, 0 without any. grad_TP: every task's gradient at γ and β of all levels. weight_T: as used."""

    loss_T: Tensor
    grad_TP: Tensor
    weight_T: Tensor
    active_T: Tensor


def task_losses(
    model: Sharing, raw: Mapping[str, Tensor], batch: Batch, class_weights: Mapping[str, Tensor | None]
) -> tuple[Tensor, Tensor]:
    """Mean loss of each task over its labelled rows [T], and which tasks have any [T]."""
    losses, active = [], []
    for name, task in model.tasks.items():
        labels = batch.labels[name]
        loss_B = task.loss(raw[name].float(), labels, class_weights.get(name))
        count = labels["present"].sum()
        losses.append(torch.where(labels["present"], loss_B, 0.0).sum() / count.clamp(min=1))
        active.append(count > 0)
    return torch.stack(losses), torch.stack(active)


def shared_gradients(model: Sharing, grads: Sequence[Tensor | None], weight_grads: Sequence[Tensor | None]) -> Tensor:
    """G [T, 2 Σ C_l]: each task's gradient at scale and shift of the shared channels, from ∂L/∂q and ∂L/∂W of every level."""
    names = list(model.tasks)
    parts = []
    for level, (grad_q, grad_w) in enumerate(zip(grads, weight_grads, strict=True)):
        if grad_q is None or grad_w is None:
            continue
        readers = model.structure.readers[level]
        weight_RbC = model.reads[level].weight.detach()[:, :, 0, 0].float().unflatten(0, (len(readers), -1))  # type: ignore[union-attr, operator]
        scale_RC = (weight_RbC * grad_w[:, :, 0, 0].float().unflatten(0, (len(readers), -1))).sum(1)
        shift_RC = torch.einsum("rbc,rb->rc", weight_RbC, grad_q.float().sum((0, 2, 3)).unflatten(0, (len(readers), -1)))
        part = torch.zeros(len(names), 2 * weight_RbC.shape[2], device=grad_q.device)
        part[[names.index(name) for name in readers]] = torch.cat([scale_RC, shift_RC], 1)
        parts.append(part)
    return torch.cat(parts, 1) if parts else torch.zeros(len(names), 0)


def step(
    model: Sharing,
    batch: Batch,
    weighting: Weighting,
    class_weights: Mapping[str, Tensor | None],
    *,
    penalty: Tensor | None = None,
    scaler: torch.amp.GradScaler | None = None,
    autocast: torch.autocast | None = None,
) -> StepResult:
    """Accumulates every gradient; the caller's optimiser moves the parameters.

    penalty: added to the tasks' own loss. scaler: scales losses against fp16 underflow; its scale is taken out of G.
    """
    static_T = torch.tensor([task.weight for task in model.tasks.values()], device=batch.inputs.device)
    with autocast or torch.autocast(batch.inputs.device.type, enabled=False):
        shared = model.trunk(batch.inputs)
        reads = [isinstance(read, nn.Conv2d) for read in model.reads]
        linear = [read(s.detach()) if real else s.detach() for read, s, real in zip(model.reads, shared, reads, strict=True)]
        cut = [q.detach().requires_grad_(real) for q, real in zip(linear, reads, strict=True)]
        raw = model.rest(batch.inputs, cut)
    loss_T, active_T = task_losses(model, raw, batch, class_weights)
    total = loss_T.sum() if penalty is None else loss_T.sum() + penalty
    (scaler.scale(total) if scaler else total).backward()

    grads = [q.grad for q in cut]
    before = [None if not real else read.weight.grad for read, real in zip(model.reads, reads, strict=True)]
    for read, real in zip(model.reads, reads, strict=True):
        if real:
            read.weight.grad = None
    used = [(q, grad) for q, grad in zip(linear, grads, strict=True) if grad is not None]
    torch.autograd.backward([q for q, _ in used], [grad for _, grad in used])
    weight_grads = [read.weight.grad if real else None for read, real in zip(model.reads, reads, strict=True)]
    grad_TP = shared_gradients(model, grads, weight_grads) / (scaler.get_scale() if scaler else 1.0)
    for read, old in zip(model.reads, before, strict=True):
        if old is not None:
            read.weight.grad += old  # gradients of earlier micro-batches

    weight_T = weighting(loss_T.detach(), grad_TP @ grad_TP.T, active_T) * static_T
    starts, seeds = [], []
    for level, (s, grad) in enumerate(zip(shared, grads, strict=True)):
        if grad is not None:
            index = [list(model.tasks).index(name) for name in model.structure.readers[level]]
            scale = weight_T[index].repeat_interleave(model.structure.branch[level])[None, :, None, None]
            starts.append(s)
            seeds.append(
                F.conv_transpose2d(grad * scale.to(grad.dtype), model.reads[level].weight.detach().to(grad.dtype)).to(s.dtype)
            )
    torch.autograd.backward(starts, seeds)
    return StepResult(loss_T.detach(), grad_TP, weight_T, active_T)

"""The step: one forward, one backward, whatever the number of tasks.

The graph is cut at the reads q[t,l] = W[t,l] s_l. One backward through heads and branches gives ∂L_t/∂q[t,l] for every task, and
with it, for free, every task's gradient at shared parameters: for a scale γ_l and a shift β_l of the channels of s_l (γ = 1, β = 0,
never updated),

    ∂L_t/∂γ_l[c] = Σ_r W[t,l][r,c] · (∂L_t/∂W[t,l])[r,c]        ∂L_t/∂β_l = W[t,l]ᵀ Σ ∂L_t/∂q[t,l]

Both are exact for linear reads. All levels concatenated are G[t]; M = G Gᵀ decides the weights; the trunk's one backward starts
from q with ∂L_t/∂q[t,l] scaled by w_t. Everything that belongs to one task takes its own plain gradient.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lepton.sharing.base import Sharing
from lepton.tasks import together
from lepton.training.weighting.base import Weighting
from lepton.types import Batch, Labels


@dataclass(frozen=True)
class StepResult:
    """loss_T: mean over labelled rows, 0 without any. grad_TP: each task's gradient at γ and β of all levels. weight_T: as used."""

    loss_T: Tensor
    grad_TP: Tensor
    weight_T: Tensor
    active_T: Tensor


def _full(x: Tensor) -> Tensor:
    """At least fp32, whatever autocast made of it."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def labelled(labels: Labels) -> tuple[Tensor, Labels]:
    """The rows that have a label, and their labels; the first row, still without one, where none has."""
    rows = labels["present"].nonzero()[:, 0]
    rows = rows if len(rows) else rows.new_zeros(1)
    return rows, {field: value[rows] for field, value in labels.items()}


def task_losses(
    model: Sharing, raw: Mapping[str, Tensor], labels: Mapping[str, Labels], class_weights: Mapping[str, Tensor | None]
) -> tuple[Tensor, Tensor]:
    """Mean loss of each task over its labelled rows [T], and which tasks have any [T]."""
    losses, active, place = [], [], dict[str, int]()
    for names in together.alike({name: (type(task), raw[name].shape) for name, task in model.tasks.items()}):
        mine = [model.tasks[name] for name in names], [_full(raw[name]) for name in names], [labels[name] for name in names]
        present_TB = torch.stack([labels[name]["present"] for name in names])
        loss_TB = type(mine[0][0]).losses(*mine, [class_weights.get(name) for name in names])
        count_T = present_TB.sum(1)
        losses.append(torch.where(present_TB, loss_TB, 0.0).sum(1) / count_T.clamp(min=1))
        active.append(count_T > 0)
        place |= {name: len(place) + number for number, name in enumerate(names)}
    order = torch.tensor([place[name] for name in model.tasks], device=losses[0].device)
    return torch.cat(losses)[order], torch.cat(active)[order]


def readers(model: Sharing, level: int) -> list[int] | slice:
    """Where the tasks that read a level stand among all; where all do, a slice, which copies nothing."""
    names = list(model.tasks)
    there = model.structure.readers[level]
    return slice(None) if there == tuple(names) else [names.index(name) for name in there]


def shared_gradients(
    model: Sharing, kernels: Mapping[int, Tensor], grad_q: Mapping[int, Tensor], grad_w: Mapping[int, Tensor]
) -> Tensor:
    """G [T, 2 Σ C_l]: each task's gradient at scale and shift of the shared channels, from ∂L/∂q and ∂L/∂W of every read level."""
    tasks = len(model.tasks)
    parts = []
    for level, grad in grad_q.items():
        per_task = (len(model.structure.readers[level]), -1)
        weight_RbC, slope_RbC = (_full(w.detach()[:, :, 0, 0]).unflatten(0, per_task) for w in (kernels[level], grad_w[level]))
        change_Rb = _full(grad).sum((0, 2, 3)).unflatten(0, per_task)
        mine_RP = torch.cat([(weight_RbC * slope_RbC).sum(1), (weight_RbC * change_Rb[:, :, None]).sum(1)], 1)
        part_TP = mine_RP.new_zeros(tasks, mine_RP.shape[1])
        part_TP[readers(model, level)] = mine_RP
        parts.append(part_TP)
    return torch.cat(parts, 1) if parts else torch.zeros(tasks, 0, device=next(model.parameters()).device)


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
    rows, labels = {}, dict(batch.labels)
    for name in model.tasks.keys() - model.as_one():  # such a head and its loss see labelled rows alone
        rows[name], labels[name] = labelled(batch.labels[name])
    with autocast or torch.autocast(batch.inputs.device.type, enabled=False):
        shared = model.trunk(batch.inputs)
        effective = model.read_kernels()
        kernels = {level: kernel.detach().requires_grad_() for level, kernel in effective.items()}
        linear = model.read([s.detach() for s in shared], kernels)
        cut = [q.detach().requires_grad_(level in kernels) for level, q in enumerate(linear)]
        raw = model.rest(batch.inputs, cut, rows)
    loss_T, active_T = task_losses(model, raw, labels, class_weights)
    total = loss_T.sum() if penalty is None else loss_T.sum() + penalty
    (scaler.scale(total) if scaler else total).backward()

    grad_of = {level: q.grad for level, q in enumerate(cut) if q.grad is not None}
    slopes: tuple[Tensor, ...] = ()
    if read := list(grad_of):  # else nobody reads the trunk any more
        slopes = torch.autograd.grad([linear[level] for level in read], [kernels[level] for level in read], [*grad_of.values()])
        torch.autograd.backward([effective[level] for level in read], slopes)
    grad_TP = shared_gradients(model, kernels, grad_of, dict(zip(grad_of, slopes, strict=True)))
    if scaler:
        grad_TP = grad_TP / scaler.get_scale()
    weight_T = weighting(loss_T.detach(), grad_TP @ grad_TP.T, active_T) * static_T
    seeds = []
    for level, grad in grad_of.items():
        scale = weight_T[readers(model, level)].repeat_interleave(model.structure.branch[level])[:, None, None, None]
        seed = F.conv_transpose2d(grad, (kernels[level].detach() * scale).to(grad.dtype))
        seeds.append(seed.to(shared[level].dtype))
    if seeds:
        torch.autograd.backward([shared[level] for level in grad_of], seeds)
    return StepResult(loss_T.detach(), grad_TP, weight_T, active_T)

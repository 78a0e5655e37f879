"""The step: one forward, one backward, whatever the number of tasks.

The graph is cut at the reads q[t,l] = W[t,l] s_l. One backward through heads and branches gives ∂L_t/∂q[t,l] for every task, and
with it, for free, every task's gradient at shared parameters: for a scale γ_l and a shift β_l of the channels of s_l (γ = 1, β = 0,
never updated),

    ∂L_t/∂γ_l[c] = Σ_r W[t,l][r,c] · (∂L_t/∂W[t,l])[r,c]        ∂L_t/∂β_l = W[t,l]ᵀ Σ ∂L_t/∂q[t,l]

Both are exact for linear reads. Where a norm over the batch follows the reads, as in most ways of sharing, it takes every shift out
again: ∂L_t/∂β_l is 0 and left out. All levels concatenated are G[t]; M = G Gᵀ decides the weights; the trunk's one backward starts
from q with ∂L_t/∂q[t,l] scaled by w_t. Everything that belongs to one task takes its own plain gradient.

A batch may be computed in parts, one after the other and on several processes: losses are means over the labelled rows of all
parts, and M is that of all, so that there is one decision. Every part keeps its ∂L/∂q until then.

With equal weights, and heads that see all rows, nothing here waits for the device: other weightings look at the numbers, and other
heads at which rows have a label.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from lepton.sharing.base import Sharing
from lepton.tasks import together
from lepton.training import distributed
from lepton.training.exact import exact_gradients
from lepton.training.parts import Part, recomputed, seeds, split
from lepton.training.weighting.base import Weighting
from lepton.types import Batch, Labels


@dataclass(frozen=True)
class StepResult:
    """loss_T: mean over labelled rows, 0 without any; count_T: how many there were. weight_T: as used.

    grad_TP: G, each task's gradient at γ of all levels, and at β; exact_TP: at all parameters of the trunk, where it was asked for.
    """

    loss_T: Tensor
    grad_TP: Tensor
    weight_T: Tensor
    count_T: Tensor
    exact_TP: Tensor | None = None

    @property
    def active_T(self) -> Tensor:
        """Tasks with a label in this batch."""
        return self.count_T > 0


class Tap(torch.autograd.Function):
    """Where the graph is cut: hands q on, and leaves ∂L/∂q in `grad_q[level]`, where a leaf's `.grad` may be a copy of it."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, grad_q: dict[int, Tensor], level: int) -> Tensor:
        ctx.grad_q, ctx.level = grad_q, level
        return q.view_as(q)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, None, None]:
        ctx.grad_q[ctx.level] = grad.contiguous(memory_format=torch.channels_last)
        return None, None, None


def _full(x: Tensor) -> Tensor:
    """At least fp32, whatever autocast made of it."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def labelled(labels: Labels) -> tuple[Tensor, Labels]:
    """The rows that have a label, and their labels; the first row, still without one, where none has."""
    rows = labels["present"].nonzero()[:, 0]
    rows = rows if len(rows) else rows.new_zeros(1)
    return rows, {field: value[rows] for field, value in labels.items()}


def label_counts(model: Sharing, labels: Mapping[str, Labels]) -> Tensor:
    """Labelled rows of each task [T]."""
    return torch.stack([labels[name]["present"] for name in model.tasks]).sum(1)


def task_losses(
    model: Sharing,
    raw: Mapping[str, Tensor],
    labels: Mapping[str, Labels],
    class_weights: Mapping[str, Tensor | None],
    count_T: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Mean loss of each task over its labelled rows [T], and which tasks have any [T].

    count_T: labelled rows of the whole batch, where these rows are a part of it; their share of the mean then.
    """
    count_T = label_counts(model, labels) if count_T is None else count_T
    losses, order = [], list[str]()
    for names in together.alike({name: (type(task), raw[name].shape) for name, task in model.tasks.items()}):
        mine = [model.tasks[name] for name in names], [_full(raw[name]) for name in names], [labels[name] for name in names]
        present_TB = torch.stack([labels[name]["present"] for name in names])
        loss_TB = type(mine[0][0]).losses(*mine, [class_weights.get(name) for name in names])
        losses.append(torch.where(present_TB, loss_TB, 0.0).sum(1))
        order += names
    loss_T = losses[0] if len(losses) == 1 else torch.cat(losses)
    if order != list(model.tasks):
        loss_T = loss_T[torch.tensor([order.index(name) for name in model.tasks]).to(count_T.device, non_blocking=True)]
    return loss_T / count_T.clamp(min=1), count_T > 0


def shared_gradients(
    model: Sharing,
    channels: Sequence[int],
    kernels: Mapping[int, Tensor],
    grad_q: Mapping[int, Tensor],
    grad_w: Mapping[int, Tensor],
) -> Tensor:
    """G [T, Σ C_l], or [T, 2 Σ C_l] where `model.shifts`: each task's gradient at scale, and shift, of the shared channels.

    channels: C_l of every level. grad_q, grad_w: ∂L/∂q and ∂L/∂W of every level that is read; at the others G is 0.
    """
    tasks, at = len(model.tasks), next(model.parameters()).device
    parts = []
    for level, width in enumerate(channels):
        if level not in grad_q:
            parts.append(torch.zeros(tasks, (1 + model.shifts) * width, device=at))
            continue
        per_task = (len(model.structure.readers[level]), -1)
        weight_RbC, slope_RbC = (_full(w.detach()[:, :, 0, 0]).unflatten(0, per_task) for w in (kernels[level], grad_w[level]))
        mine_RP = (weight_RbC * slope_RbC).sum(1)
        if model.shifts:
            change_Rb = _full(grad_q[level]).sum((0, 2, 3)).unflatten(0, per_task)
            mine_RP = torch.cat([mine_RP, (weight_RbC * change_Rb[:, :, None]).sum(1)], 1)
        part_TP = mine_RP
        if (place := model.reading(level)) != slice(None):
            part_TP = mine_RP.new_zeros(tasks, mine_RP.shape[1])
            part_TP[place] = mine_RP
        parts.append(part_TP)
    return torch.cat(parts, 1)


def through_tasks(
    model: Sharing,
    batch: Batch,
    count_T: Tensor,
    class_weights: Mapping[str, Tensor | None],
    penalty: Tensor | None,
    scaler: torch.amp.GradScaler | None,
    autocast: torch.autocast | None,
    again: bool,
) -> Part:
    """Forward, and backward through heads, branches and reads. again: the trunk's backward computes its activations anew."""
    rows, labels = {}, dict(batch.labels)
    for name in model.tasks:
        if name not in model.as_one:  # such a head and its loss see labelled rows alone
            rows[name], labels[name] = labelled(batch.labels[name])
    with autocast or nullcontext():
        shared = recomputed(model.trunk, batch.inputs) if again else model.trunk(batch.inputs)
        effective = model.read_kernels()
        kernels = {level: kernel.detach().requires_grad_() for level, kernel in effective.items()}
        linear = model.read([s.detach() for s in shared], kernels)
        grad_q = dict[int, Tensor]()
        cut = [q.detach() for q in linear]
        for level in kernels:
            cut[level] = Tap.apply(cut[level].requires_grad_(), grad_q, level)
        raw = model.rest(batch.inputs, cut, rows)
    loss_T, _ = task_losses(model, raw, labels, class_weights, count_T)
    total = loss_T.sum() if penalty is None else loss_T.sum() + penalty
    (scaler.scale(total) if scaler else total).backward()

    grad_q = dict(sorted(grad_q.items()))  # the last level's came first
    slopes: tuple[Tensor, ...] = ()
    if grad_q:  # else nobody reads the trunk any more
        slopes = torch.autograd.grad([linear[level] for level in grad_q], [kernels[level] for level in grad_q], [*grad_q.values()])
        torch.autograd.backward([effective[level] for level in grad_q], slopes)
    channels = [s.shape[1] for s in shared]
    grad_TP = shared_gradients(model, channels, kernels, grad_q, dict(zip(grad_q, slopes, strict=True)))
    if scaler:
        grad_TP = grad_TP / scaler.get_scale()
    return Part(shared, {level: kernel.detach() for level, kernel in kernels.items()}, grad_q, loss_T.detach(), grad_TP)


def step(
    model: Sharing,
    batch: Batch,
    weighting: Weighting,
    class_weights: Mapping[str, Tensor | None],
    *,
    penalty: Tensor | None = None,
    scaler: torch.amp.GradScaler | None = None,
    autocast: torch.autocast | None = None,
    parts: int = 1,
    exact: bool = False,
) -> StepResult:
    """Accumulates every gradient of this process; the caller's optimiser moves the parameters.

    batch: this process's rows. penalty: added to the tasks' own loss. scaler: scales losses against fp16 underflow; its scale is
    taken out of G. parts: micro-batches, computed one after the other. exact: whether to return G at all parameters of the trunk.
    """
    count_T = distributed.total(label_counts(model, batch.labels))
    if penalty is not None:  # the same on every process, and wanted once
        penalty = penalty / distributed.size()
    done = []
    for number, rows in enumerate(split(batch, parts)):
        extra = None if number else penalty
        done.append(through_tasks(model, rows, count_T, class_weights, extra, scaler, autocast, again=parts > 1))
    loss_T = distributed.total(reduce(torch.add, [part.loss_T for part in done]))
    grad_TP = distributed.total(reduce(torch.add, [part.grad_TP for part in done]))
    weight_T = weighting(loss_T, grad_TP @ grad_TP.T, count_T > 0)
    if any(task.weight != 1 for task in model.tasks.values()):
        weight_T = weight_T * torch.tensor([task.weight for task in model.tasks.values()]).to(weight_T.device, non_blocking=True)
    exact_TP = distributed.total(exact_gradients(model, done)) if exact else None
    if exact_TP is not None and scaler:
        exact_TP = exact_TP / scaler.get_scale()
    for part in done:
        if found := seeds(model, part, weight_T):
            torch.autograd.backward([part.shared[level] for level in found], [*found.values()])
    return StepResult(loss_T, grad_TP, weight_T, count_T, exact_TP)

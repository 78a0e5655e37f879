"""Optimiser and schedule, as params.yaml names them."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from lepton.blocks import Train
from lepton.sharing.base import Sharing


def make(model: nn.Module, plan: Train, lr: float, own_lr: float = 1.0) -> torch.optim.Optimizer:
    """Weight decay on kernels only; norms and biases go without, and so do the sharing degrees, which move `alpha_lr` as fast.

    own_lr: of all that is not the trunk's, in units of lr.

    adamw decays kernels by lr · l2 a step, whatever their gradients (Loshchilov & Hutter 2019). The others add l2 · kernel to the
    gradient, after clipping: for sgd that is the same, and adam divides it by the gradient's size like all else.
    """
    named = dict(model.named_parameters())
    degrees = [name for name in named if name.endswith("degree_TL")]
    shared = [name for name in named if name.startswith("trunk.")]
    own = [name for name in named if name not in {*degrees, *shared}]
    groups: list[dict[str, Any]] = []
    for names, rate in ((shared, lr), (own, lr * own_lr)):
        mine = [named[name] for name in names]
        groups.append({"params": [p for p in mine if p.ndim > 1], "weight_decay": plan.l2, "lr": rate})
        groups.append({"params": [p for p in mine if p.ndim <= 1], "weight_decay": 0.0, "lr": rate})
    groups.append({"params": [named[name] for name in degrees], "weight_decay": 0.0, "lr": lr * plan.alpha_lr})
    groups = [group for group in groups if group["params"]]
    for group in groups:
        group["peak"] = group["lr"]
    if plan.optimizer == "sgd":
        return torch.optim.SGD(groups)
    if plan.optimizer == "momentum":
        return torch.optim.SGD(groups, momentum=0.9, nesterov=True)
    kind = torch.optim.AdamW if plan.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, betas=(0.9, 0.99), fused=True)


def carry(old: torch.optim.Optimizer, before: Sharing, new: torch.optim.Optimizer, after: Sharing) -> None:
    """Gives `new` what `old` remembers of the parameters that `after`, which `before.reduced()` has made, still has."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in before.named_parameters()}
    parameters = dict(after.named_parameters())
    by_key: dict[str, dict[str, Tensor]] = {}
    for parameter, remembered in old.state.items():
        for key, value in remembered.items():
            by_key.setdefault(key, {})[names[parameter]] = value
    for key, named in by_key.items():
        for name, value in before.carried(named, after).items():
            parameter = parameters[name]
            new.state[parameter][key] = torch.empty_like(parameter).copy_(value) if value.ndim else value


def schedule(plan: Train, at: float) -> float:
    """Share of the peak learning rate at a share of the training in [0, 1]: linear warm-up, then as `plan.schedule` says."""
    if at < plan.warmup:
        return (at + 1e-3) / (plan.warmup + 1e-3)
    if plan.schedule == "constant":
        return 1.0
    if plan.schedule == "step":
        return 0.1 ** sum(at >= drop for drop in plan.drops)
    done = (at - plan.warmup) / (1 - plan.warmup)
    if plan.schedule == "linear":
        return 1 - 0.99 * min(done, 1.0)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * min(done, 1.0))) / 2


def set_lr(optimizer: torch.optim.Optimizer, share: float) -> float:
    """Applies a share of the schedule; returns the learning rate of the kernels."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * share
    return optimizer.param_groups[0]["lr"]


def kernels(model: nn.Module) -> Iterator[nn.Parameter]:
    """What L1 acts on: neither norms and biases nor the sharing degrees."""
    return (parameter for name, parameter in model.named_parameters() if parameter.ndim > 1 and not name.endswith("degree_TL"))

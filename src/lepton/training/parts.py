"""A batch in parts: what each keeps until the tasks' weights are known, and the two ways on from there."""

from contextlib import nullcontext
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lepton.sharing.base import Sharing
from lepton.types import Batch, Labels


@dataclass(frozen=True)
class Part:
    """What the backward through heads and branches leaves for that of the trunk.

    kernels, grad_q: W and ∂L/∂q of the levels with readers. loss_T, grad_TP: this part's shares of those of the batch.
    """

    shared: list[Tensor]
    kernels: dict[int, Tensor]
    grad_q: dict[int, Tensor]
    loss_T: Tensor
    grad_TP: Tensor


def split(batch: Batch, parts: int) -> list[Batch]:
    """The batch in `parts` runs of rows."""
    if parts == 1:
        return [batch]
    inputs = batch.inputs.tensor_split(parts)
    labels: list[dict[str, Labels]] = [{name: {} for name in batch.labels} for _ in inputs]
    for name, fields in batch.labels.items():
        for field, value in fields.items():
            for mine, rows in zip(labels, value.tensor_split(parts), strict=True):
                mine[name][field] = rows
    return [Batch(rows, mine) for rows, mine in zip(inputs, labels, strict=True)]


class StatisticsKept:
    """Inside, norms move copies of their running statistics. May be entered again, as a second backward does."""

    def __init__(self, network: nn.Module):
        self.network = network

    def __enter__(self) -> None:
        self.before = [(module, module._buffers) for module in self.network.modules()]
        for module, buffers in self.before:
            module._buffers = {name: None if value is None else value.clone() for name, value in buffers.items()}

    def __exit__(self, *_: object) -> None:
        for module, buffers in self.before:
            module._buffers = buffers


def recomputed(trunk: nn.Module, inputs: Tensor) -> list[Tensor]:
    """The trunk's features, of which a backward computes all that it needs anew (Chen et al. 2016, arXiv 1604.06174)."""
    contexts = nullcontext(), StatisticsKept(trunk)
    return checkpoint(trunk, inputs, use_reentrant=False, preserve_rng_state=False, context_fn=lambda: contexts)


def seeds(model: Sharing, part: Part, weight_T: Tensor) -> dict[int, Tensor]:
    """Σ_t w_t ∂L_t/∂s of every level with readers, where the trunk's backward starts; nothing where the trunk is fixed."""
    found = {}
    for level, grad in part.grad_q.items():
        if part.shared[level].requires_grad:
            width = len(part.kernels[level]) // len(model.structure.readers[level])
            scale = weight_T[model.reading(level)].repeat_interleave(width)[:, None, None, None]
            seed = F.conv_transpose2d(grad, (part.kernels[level] * scale).to(grad.dtype))
            found[level] = seed.to(part.shared[level].dtype)
    return found

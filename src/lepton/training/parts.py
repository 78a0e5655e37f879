"""A batch in parts: what each keeps until the tasks' weights are known, and the two ways on from there."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
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


@contextmanager
def _statistics_kept(network: nn.Module) -> Iterator[None]:
    """Norms leave their running statistics alone, and use those of the batch as before."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    before = [norm.track_running_stats for norm in norms]
    for norm in norms:
        norm.track_running_stats = False
    yield
    for norm, value in zip(norms, before, strict=True):
        norm.track_running_stats = value


def recomputed(trunk: nn.Module, inputs: Tensor) -> list[Tensor]:
    """The trunk's features, of which the backward computes all that it needs anew (Chen et al. 2016, arXiv 1604.06174)."""

    def contexts() -> tuple[AbstractContextManager, AbstractContextManager]:
        return nullcontext(), _statistics_kept(trunk)

    return checkpoint(trunk, inputs, use_reentrant=False, preserve_rng_state=False, context_fn=contexts)


def seeds(model: Sharing, part: Part, weight_T: Tensor) -> list[Tensor]:
    """Σ_t w_t ∂L_t/∂s of every level with readers: where the trunk's backward starts."""
    names, found = list(model.tasks), []
    for level, grad in part.grad_q.items():
        index = [names.index(name) for name in model.structure.readers[level]]
        scale = weight_T[index].repeat_interleave(model.structure.branch[level])[:, None, None, None]
        seed = F.conv_transpose2d(grad, (part.kernels[level] * scale).to(grad.dtype))
        found.append(seed.to(part.shared[level].dtype))
    return found

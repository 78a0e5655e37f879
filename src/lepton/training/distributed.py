"""Several processes as one: each computes every n-th row of the same batch, and what decides anything is summed over all.

Every process draws the same rows and the same augmentation, holds the same network, and so takes the same step. There is no
DistributedDataParallel: the step runs several backwards over parts of the graph, and its hooks expect one over all of it.
"""

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lepton.blocks import Compute, Train
from lepton.errors import LeptonError
from lepton.training import devices
from lepton.types import Share


def rank() -> int:
    """This process's number; 0 validates, keeps checkpoints and tells the tracker."""
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def share() -> Share:
    """This process's rows of a batch."""
    return Share(rank(), size())


@contextmanager
def joined(compute: Compute) -> Iterator[None]:
    """One group of the processes that torchrun started (its RANK, WORLD_SIZE, MASTER_ADDR …); nothing where there is one."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield
        return
    device = devices.choose(compute)
    if device.type == "cuda":
        here, there = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
        if here > there:
            raise LeptonError(f"params.yaml: compute.processes: {here} processes need a GPU each, and this machine has {there}.")
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def require_even(plan: Train) -> None:
    """Every process has as many rows of a batch, and every micro-batch too."""
    if plan.batch_size % (size() * plan.accumulate):
        raise LeptonError(
            f"params.yaml: train.batch_size: {plan.batch_size} rows do not part evenly into {size()} processes × "
            f"{plan.accumulate} micro-batches (train.accumulate). Make it a multiple of {size() * plan.accumulate}."
        )


def total(value: Tensor) -> Tensor:
    """The sum over all processes."""
    if size() > 1:
        value = value.contiguous().clone()
        dist.all_reduce(value)
    return value


@torch.no_grad()
def sum_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replaces every gradient by its sum over all processes, all of them in one message."""
    if size() == 1:
        return
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    summed = total(torch.cat([grad.flatten() for grad in grads]))
    for grad, new in zip(grads, summed.split([grad.numel() for grad in grads]), strict=True):
        grad.copy_(new.view(grad.shape))


def same(value: Any) -> Any:
    """What process 0 has, on every process; numbers, names and tensors, which arrive on the CPU."""
    if size() == 1:
        return value
    file = io.BytesIO()
    if rank() == 0:
        torch.save(value, file)
    box = [file.getvalue()]
    dist.broadcast_object_list(box)
    return torch.load(io.BytesIO(box[0]), map_location="cpu", weights_only=True)

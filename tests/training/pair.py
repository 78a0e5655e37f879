"""Two processes on the CPU that do one job together, and the jobs: each gives the same numbers on one process and on two."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

import helpers
from lepton.blocks import Compute
from lepton.config import Params
from lepton.kinds import KINDS, load
from lepton.training import distributed, network
from lepton.training.loop import Fit, Trainer
from lepton.training.step import StepResult, step
from lepton.training.synchronised import synchronised
from lepton.training.weighting.equal import Equal
from lepton.types import Batch

Job = Callable[[Path], dict[str, Any]]
ROWS, BATCH = 24, 8
BRANCHED = {"trunk": [4, 6, 8], "branch": [2, 3, 3]}
SETTINGS: dict[str, dict[str, dict]] = {
    "adaptive": {"train": {"alpha_pressure": 0.5, "alpha_snap": 0.4}},
    "hard": {"model": {"sharing": "hard"}, "train": {"optimizer": "momentum"}},
    "geometric": {"train": {"weighting": "upgrad"}, "prepare": {"augment": {"rotate": 20, "shift": 0.1, "color": 0.2}}},
    "stateful": {"train": {"weighting": "gradnorm", "l1": 1e-4}},
    "in parts": {"train": {"accumulate": 2, "ema": 0.9, "exact_gram": 2, "weighting": "mgda"}},
    "frozen": {"model": {"sharing": "frozen"}},
    "budget": {"model": {"budget": 0.5, "divide": 0.3}},
    **{name: {"model": {"sharing": "hard"}, "train": {"weighting": name}} for name in KINDS["weighting"]},
}
STATE = {name for name in KINDS["weighting"] if list(load("weighting", name)(2).buffers())} | {"stateful"}  # in fp32

RESUMED = {"train": {"epochs": 3, "ema": 0.9, "weighting": "uncertainty", "optimizer": "momentum"}}


def params(**blocks: dict) -> Params:
    blocks["train"] = {"epochs": 1, "batch_size": BATCH, **blocks.get("train", {})}
    blocks["model"] = {**BRANCHED, **blocks.get("model", {})}
    return helpers.params(**blocks)


def double(batch: Batch) -> Batch:
    labels = {
        name: {field: value.double() if value.is_floating_point() else value for field, value in fields.items()}
        for name, fields in batch.labels.items()
    }
    return Batch(batch.inputs.double(), labels)


class Halted(Exception):
    pass


class Short(Trainer):
    """Stops before epoch `halt`, on every process."""

    halt = 99

    def _epoch(self, epoch: int, *others: Any) -> Any:
        if epoch + 1 == self.halt:
            raise Halted
        return super()._epoch(epoch, *others)


class Double(Trainer):
    """In float64, so that sums in another order are the same to 1e-9. lived: what it holds itself after the last epoch."""

    def _epoch(self, *args: Any) -> Any:
        found = super()._epoch(*args)
        self.lived = {key: value.clone() for key, value in self.model.state_dict().items()}
        return found

    def _step(self, batch: Batch, *args: Any, **kwargs: Any) -> StepResult:
        return super()._step(double(batch), *args, **kwargs)


def trainer(kind: type, plan: Params, missing: float, **options: Any) -> Any:
    torch.manual_seed(distributed.rank())  # the first one's numbers are those that count
    model = network.build(plan, plan.tasks)
    model = model.double() if kind is Double else model
    train = helpers.samples(plan.tasks, ROWS, seed=1, missing=missing)
    none = dict.fromkeys(plan.tasks)
    return kind(model, plan, train, options.pop("valid", None), np.ones(ROWS), none, 0.003, plan.train.epochs, **options)


def outcome(one: Trainer, fit: Fit) -> dict[str, Any]:
    return {"state": one.model.state_dict(), "mean": torch.stack(fit.grads), "history": fit.history, "seen": fit.samples_seen}


def fits(folder: Path) -> dict[str, Any]:
    """Every setting; so few labels that a process often has none of a task."""
    found = {}
    for name, blocks in SETTINGS.items():
        one = trainer(Double, params(**blocks), missing=0.8)
        found[name] = {**outcome(one, one.fit()), "lived": one.lived}
    return found


def norms(folder: Path) -> dict[str, Any]:
    """One normalisation in training and in evaluation: outputs, gradients and running statistics."""
    torch.manual_seed(0)
    x, wanted = (torch.randn(6, 3, 4, 5, dtype=torch.float64) * 2 + 5 for _ in range(2))
    norm, rows = nn.BatchNorm2d(3).double(), distributed.share().rows
    mine = x[rows].clone().requires_grad_()
    with synchronised(norm):
        y = norm(mine)
        (y * wanted[rows] + y**3).sum().backward()
        norm.eval()
        later = norm(mine.detach())
    assert type(norm) is nn.BatchNorm2d

    def whole(part: Tensor) -> Tensor:
        full = torch.zeros_like(x)
        full[rows] = part
        return distributed.total(full)

    grads = {name: distributed.total(parameter.grad) for name, parameter in norm.named_parameters()}
    return {"y": whole(y.detach()), "later": whole(later.detach()), "x": whole(mine.grad), **grads, **norm.state_dict()}


def checkpoints(folder: Path) -> dict[str, Any]:
    """Trains on from `one.pt`, and leaves `two.pt` behind before the last epoch."""
    plan = params(**RESUMED)
    valid = helpers.samples(plan.tasks, 12, seed=2)
    told: list[float] = []
    broken = trainer(Short, plan, 0.3, valid=valid, keep=folder / "two.pt", on_epoch=lambda row, step: told.append(row["epoch"]))
    broken.halt = 3
    with suppress(Halted):
        broken.fit()
    resumed = trainer(Short, plan, 0.3, valid=valid, keep=folder / f"one.{distributed.rank()}.pt")
    return {**outcome(resumed, resumed.fit()), "told": told, "kept": (folder / f"one.{distributed.rank()}.pt").exists()}


def sharded(folder: Path) -> dict[str, Any]:
    """A step of a network whose trunk no process holds whole, as docs/devices.md has it."""
    model = helpers.model().double().train()
    batch, rows = double(helpers.batch(model.tasks, rows=8, missing=0.5)), distributed.share().rows
    labels = {name: {field: value[rows] for field, value in fields.items()} for name, fields in batch.labels.items()}
    if distributed.size() > 1:
        model.trunk.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        for module in (*model.trunk.levels, model.trunk):
            fully_shard(module, mesh=init_device_mesh("cpu", (distributed.size(),)))
            module.set_gradient_divide_factor(1.0)
    split = {kind: [p for p in model.parameters() if isinstance(p, DTensor) == kind] for kind in (False, True)}
    movers = [torch.optim.SGD(parameters, lr=0.1) for parameters in split.values() if parameters]
    with synchronised(model):
        step(model, Batch(batch.inputs[rows], labels), Equal(len(model.tasks)), {})
    distributed.sum_gradients(split[False])
    held = sum(p.to_local().numel() if isinstance(p, DTensor) else p.numel() for p in model.trunk.parameters())
    for mover in movers:
        mover.step()
    state = get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    return {"state": state, "held": held}


def everything(folder: Path) -> dict[str, Any]:
    return {job.__name__: job(folder) for job in (norms, fits, checkpoints, sharded)}


def _member(rank: int, folder: Path) -> None:
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank))
    torch.set_num_threads(1)
    with distributed.joined(Compute(device="cpu")):
        torch.save(everything(folder), folder / f"found.{rank}.pt")


def together(folder: Path) -> list[dict[str, Any]]:
    """What each of two processes found."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    os.environ.update(group)
    members = [multiprocessing.get_context("spawn").Process(target=_member, args=(rank, folder)) for rank in range(2)]
    try:
        for member in members:
            member.start()
        for member in members:
            member.join()
    finally:
        for name in group:
            del os.environ[name]
    assert [member.exitcode for member in members] == [0, 0]
    return [torch.load(folder / f"found.{rank}.pt") for rank in range(2)]

"""The training loop: draw rows, augment on the device, one step, and keep the weights that validate best.

There are no data-loader processes: a batch is one fancy index into memory-mapped arrays. On several processes each runs this
loop on its rows of every batch (`lepton.training.distributed`); the first one validates, keeps checkpoints and is listened to.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from lepton.config import Params
from lepton.data.augment import allowed, apply
from lepton.data.balance import demanded, draw
from lepton.data.store import Samples
from lepton.errors import Diverged
from lepton.kinds import load as load_kind
from lepton.sharing.base import Sharing, Structure
from lepton.training import checkpoint, devices, distributed, network, optimizer, predict
from lepton.training.ema import EMA
from lepton.training.exact import agreement
from lepton.training.step import StepResult, step
from lepton.training.synchronised import synchronised
from lepton.training.weighting.base import Weighting
from lepton.types import Batch

LOOKS = 20  # steps between two looks at the losses: on a GPU each one waits for all that was asked of it
LEAST = 0.001  # what a task lacks at least, and 1 at most: a perfect one is still seen


@dataclass
class Fit:
    """What training did. history: one flat row per epoch; grads: of each, every task's gradient at the shared features [T, P]."""

    samples_seen: int
    seconds: float
    best_epoch: int
    history: list[dict[str, float]] = field(default_factory=list)
    grads: list[Tensor] = field(default_factory=list)

    def labels_seen(self, task: str) -> int:
        """Labelled samples of a task, each as often as it came."""
        return int(sum(row[f"labels.{task}"] for row in self.history))


@dataclass
class Trainer:
    """One training. `epochs` may be fractional: a probe is the beginning of a shorter schedule.

    model: what to train, and after `fit` what was trained: another object where parts of it came to count for nothing.
    weight_N: drawing weight of each training row. class_weights: per task, [K] or None.
    """

    model: Sharing
    params: Params
    train: Samples
    valid: Samples | None
    weight_N: np.ndarray
    class_weights: Mapping[str, list[float] | None]
    lr: float
    epochs: float
    name: str = "train"
    keep: Path | None = None  # where to keep checkpoints; None: nowhere
    on_epoch: Callable[[dict[str, float], int], None] = lambda row, step: None

    def fit(self) -> Fit:
        """Trains `model`. Raises Diverged when a loss stops being finite; the last good checkpoint stays."""
        plan, compute = self.params.train, self.params.compute
        distributed.require_even(plan)
        if distributed.rank():
            self.valid, self.keep, self.on_epoch = None, None, lambda row, step: None
        device = devices.choose(compute)
        self.device, (self.autocast, self.scaler) = device, devices.mixed(compute, device)
        self.model = self.model.to(device).train()
        self.model.load_state_dict(distributed.same(self.model.state_dict()))
        saved = distributed.same(checkpoint.load(self.keep) if self.keep else None)
        if saved:
            self.model = network.shaped(self.model, Structure.from_dict(saved["structure"]))
        self.weights = {
            name: None if values is None else torch.tensor(values, device=device) for name, values in self.class_weights.items()
        }
        self.weighting: Weighting = load_kind("weighting", plan.weighting)(len(self.model.tasks)).to(device)
        self.optimizer, self.ema = self._optimizer(), EMA(self.model, plan.ema)
        self.plan = allowed(self.params.prepare.augment, self.model.tasks.values())
        per_epoch = max(1, round(len(self.train) / plan.batch_size))
        self.total = max(1, round(self.epochs * per_epoch))
        fit, best, first = Fit(0, 0.0, 0), -math.inf, 0
        structure, state = self.model.structure, dict[str, Tensor]()
        if saved:
            first, best, state = saved["epoch"], saved["best"], saved["best_state"]
            fit, structure = Fit(**saved["fit"]), Structure.from_dict(saved["best_structure"])
            for key, part in self._parts().items():
                part.load_state_dict(saved[key])
            self._prefer(fit.history[-1])
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, disable=distributed.rank() > 0) as bar:
            line = bar.add_task(self.name, total=self.total, completed=first * per_epoch)
            for epoch in range(first, math.ceil(self.total / per_epoch)):
                started = time.perf_counter()
                self._reduce()
                steps = range(epoch * per_epoch, min((epoch + 1) * per_epoch, self.total))
                row, grad_TP = self._epoch(epoch, steps, lambda: bar.advance(line))
                fit.grads.append(grad_TP.cpu())
                fit.samples_seen += len(steps) * plan.batch_size
                judged = self.ema.network
                if self.valid is not None and (measured := predict.metrics(judged, self.valid, device)):
                    row |= {f"valid.{task}.{name}": v for task, values in measured.items() for name, v in values.items()}
                    row["valid"] = predict.utility(judged.tasks, measured)
                if not state or "valid" not in row or row["valid"] > best:  # without validation labels the last epoch is kept
                    best, fit.best_epoch = row.get("valid", 0.0) if self.model.settled else -math.inf, epoch + 1
                    structure = judged.structure
                    state = {key: value.clone() for key, value in judged.state_dict().items()}
                self._prefer(row)
                fit.seconds += time.perf_counter() - started
                fit.history.append(row)
                self.on_epoch(row, steps.stop)
                if self.keep:
                    parts = {key: part.state_dict() for key, part in self._parts().items()}
                    rest: dict[str, Any] = {"best": best, "best_state": state, "fit": vars(fit)}
                    rest |= {"structure": self.model.structure.to_dict(), "best_structure": structure.to_dict()}
                    checkpoint.save(self.keep, {"epoch": epoch + 1, **rest, **parts})
        self.model = network.shaped(self.model, Structure.from_dict(distributed.same(structure.to_dict())))
        self.model.load_state_dict(distributed.same(state))
        self.model.eval()
        return fit

    def _optimizer(self) -> torch.optim.Optimizer:
        """With several tasks, what is a task's own learns from its labelled rows alone, and the trunk from all."""
        plan = self.params.train
        return optimizer.make(self.model, plan, self.lr, plan.own_lr if len(self.model.tasks) > 1 else 1.0)

    def _reduce(self) -> None:
        """Leaves out what has come to count for nothing."""
        before, self.model = self.model, self.model.reduced()
        if self.model is not before:
            old, self.optimizer = self.optimizer, self._optimizer()
            optimizer.carry(old, before, self.optimizer, self.model)
            self.ema.follow(self.model)

    def _prefer(self, row: Mapping[str, float]) -> None:
        """From now on draws rows by what their tasks lacked at the end of an epoch; without a validation split as before."""
        tasks, row = self.model.tasks, distributed.same(dict(row))
        if not self.params.train.demand or len(tasks) == 1 or "valid" not in row:
            return
        metric = {name: f"valid.{name}.{task.metric}" for name, task in tasks.items()}
        lacking = {name: 1 - task.utility(row[metric[name]]) if metric[name] in row else 1.0 for name, task in tasks.items()}
        present = {name: fields["present"] for name, fields in self.train.labels.items()}
        kept = {name: min(max(value, LEAST), 1.0) for name, value in lacking.items()}
        self.weight_N = demanded(present, kept, self.params.train.demand)

    def _parts(self) -> dict[str, Any]:
        """Everything that changes from step to step, but for the random generators: those are seeded anew each epoch."""
        parts = {"model": self.model, "weighting": self.weighting, "optimizer": self.optimizer}
        parts |= {"ema": self.ema} if self.ema.decay else {}
        return parts | ({"scaler": self.scaler} if self.scaler else {})

    def _epoch(self, epoch: int, steps: range, advance: Callable[[], None]) -> tuple[dict[str, float], Tensor]:
        """Steps `steps` of the schedule; returns the epoch's means, and that of the shared gradients [T, P]."""
        plan, model = self.params.train, self.model
        network.seeded(self.params.compute.seed, self.name, epoch)
        generator = torch.Generator().manual_seed(torch.initial_seed() % 2**62)
        rows, share = draw(self.weight_N, len(steps) * plan.batch_size, generator=generator), distributed.share()
        if share.first:
            torch.manual_seed(torch.initial_seed() + share.first)  # for dropout, which is not to be alike on all processes
        names, results, agreed, rate = list(model.tasks), [], [], 0.0
        with synchronised(model):
            for number, index in zip(steps, rows.split(plan.batch_size), strict=True):
                done = number / self.total
                rate = optimizer.set_lr(self.optimizer, optimizer.schedule(plan, done))
                batch = self.train.batch(index[share.rows], self.device)
                batch = type(batch)(model.kind.prepare(batch.inputs), batch.labels)
                batch = apply(batch, model.kind, model.tasks, self.plan, generator=generator, share=share)
                result = self._step(batch, done, exact=plan.exact_gram > 0 and number % plan.exact_gram == 0)
                if result.exact_TP is not None and result.exact_TP.isfinite().all():
                    agreed.append(agreement(result.grad_TP, result.exact_TP, result.active_T))
                results.append(result)
                if len(results) % LOOKS == 0 or number + 1 == steps.stop:
                    self._check(results, names, epoch, steps.start)
                advance()
        loss_T, weight_T = (torch.stack(parts).mean(0) for parts in zip(*[(r.loss_T, r.weight_T) for r in results], strict=True))
        count_T = torch.stack([r.count_T for r in results]).sum(0)
        grad_STP = torch.stack([r.grad_TP for r in results])
        grads = grad_STP[grad_STP.isfinite().all(2).all(1)].mean(0).nan_to_num()  # without steps that overflowed in fp16
        row: dict[str, float] = {"epoch": epoch + 1, "step": steps.stop, "lr": rate}
        row |= {f"loss.{name}": float(value) for name, value in zip(names, loss_T, strict=True)}
        row |= {f"weight.{name}": float(value) for name, value in zip(names, weight_T, strict=True)}
        row |= {f"labels.{name}": int(value) for name, value in zip(names, count_T, strict=True)}
        for name, levels in model.degrees().items():
            row |= {f"alpha.{name}.{level + 1}": value for level, value in enumerate(levels)}
        for key in sorted({key for found in agreed for key in found}):
            row[f"gram.{key}"] = float(np.mean([found[key] for found in agreed if key in found]))
        return row, grads

    def _step(self, batch: Batch, done: float, exact: bool) -> StepResult:
        plan, model = self.params.train, self.model
        if model.begin(done):
            model.load_state_dict(distributed.same(model.state_dict()))  # it may have drawn new numbers
            self.optimizer.state.clear()
        penalty: Tensor | None = None
        if plan.l1:
            penalty = plan.l1 * torch.stack([kernel.abs().sum() for kernel in optimizer.kernels(model)]).sum()
        if (pressure := model.pressure()) is not None:
            pull = plan.alpha_pressure * done * pressure
            penalty = pull if penalty is None else penalty + pull
        self.optimizer.zero_grad(set_to_none=True)
        how: dict[str, Any] = {"scaler": self.scaler, "autocast": self.autocast, "parts": plan.accumulate, "exact": exact}
        result = step(model, batch, self.weighting, self.weights, penalty=penalty, **how)
        distributed.sum_gradients(model.parameters())
        if self.scaler:
            self.scaler.unscale_(self.optimizer)
        model.note(result.loss_T)
        if plan.clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip, foreach=True)
        if self.scaler:
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            self.optimizer.step()
        if plan.alpha_snap:
            model.snap(plan.alpha_snap)
        self.ema.update()
        return result

    def _check(self, results: list[StepResult], names: list[str], epoch: int, first: int) -> None:
        """results: of the epoch's steps so far, the first of which was number `first`."""
        finite_ST = torch.stack([result.loss_T for result in results[-LOOKS:]]).isfinite()
        if not bool(finite_ST.all()):
            at = int((~finite_ST).any(1).nonzero()[0])
            lost = ", ".join(name for name, ok in zip(names, finite_ST[at].tolist(), strict=True) if not ok)
            kept = f" The checkpoint of epoch {epoch} is kept." if self.keep and epoch else ""
            number = first + len(results) - len(finite_ST) + at
            raise Diverged(
                f"{self.name}: the loss of {lost} stopped being a finite number in epoch {epoch + 1}, step {number + 1}, at a "
                f"learning rate of {self.lr:g}.{kept} Lower the learning rate, or look at the labels of {lost}."
            )

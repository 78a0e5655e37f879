"""LibMTL (github.com/median-research-group/LibMTL) from a checkout: its package index release does not import any more.

Its packages import every method that they have, and with them what those need; the few files that are measured are imported alone.
"""

import contextlib
import io
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from benchmarks.peers import bare


def _bare_packages(checkout: Path) -> None:
    for name in {"LibMTL", "LibMTL.weighting", "LibMTL.architecture"} - sys.modules.keys():
        package = ModuleType(name)
        package.__path__ = [str(checkout / name.replace(".", "/"))]
        sys.modules[name] = package


def trainer(checkout: Path, weighting: str, channels: tuple[int, ...], width: int, tasks: int, classes: int) -> Any:
    """LibMTL's trainer around the same trunk and heads as the others have. weighting: EW or MGDA."""
    _bare_packages(checkout)
    method = getattr(import_module(f"LibMTL.weighting.{weighting}"), weighting)
    hard: Any = import_module("LibMTL.architecture.HPS").HPS

    class Hard(hard):
        def zero_grad_share_params(self) -> None:
            self.encoder.zero_grad(set_to_none=False)  # today's default is None, which its weightings do not expect

    loss, metric = import_module("LibMTL.loss").CELoss, import_module("LibMTL.metrics").AccMetric
    names = [f"task{number}" for number in range(tasks)]
    one = bare.OneByOne(channels, width, tasks, classes)
    decoders = nn.ModuleDict({name: Head(*head) for name, head in zip(names, one.heads, strict=True)})  # type: ignore[misc]
    known = {name: {"metrics": ["Acc"], "metrics_fn": metric(), "loss_fn": loss(), "weight": [1]} for name in names}
    setattr(sys.modules["LibMTL.weighting"], weighting, method)  # where its trainer looks its names up
    setattr(sys.modules["LibMTL.architecture"], "HPS", Hard)  # noqa: B010
    here = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    module = import_module("LibMTL.trainer")
    with contextlib.redirect_stdout(io.StringIO()), mock.patch.object(torch, "device", return_value=here):  # it knows cuda:0 only
        made = module.Trainer(
            task_dict=known,
            weighting=weighting,
            architecture="HPS",
            encoder_class=lambda: bare.trunk(channels),
            decoders=decoders,
            rep_grad=False,
            multi_input=False,
            optim_param={"optim": "adam", "lr": 0.001},
            scheduler_param=None,
            weight_args={"mgda_gn": "none"},
            arch_args={},
        )
    made.model.to(memory_format=torch.contiguous_format).train()  # its weightings flatten gradients by view
    return made


class Head(nn.Module):
    def __init__(self, read: nn.Module, linear: nn.Module):
        super().__init__()
        self.read, self.linear = read, linear

    def forward(self, feature: Tensor) -> Tensor:
        return self.linear(bare.pooled(self.read(feature)))


def step(made: Any, x: Tensor, class_TB: Tensor) -> None:
    """One turn of its loop, without its metrics."""
    losses = made._compute_loss(made.model(x), dict(zip(made.task_name, class_TB, strict=True)))
    made.optimizer.zero_grad(set_to_none=False)
    made.model.backward(losses, **made.kwargs["weight_args"])
    made.optimizer.step()


def train(made: Any, batches: list[tuple[Tensor, dict[str, Tensor]]]) -> None:
    """One epoch of its loop. The test that it asks for gets one batch."""
    with contextlib.redirect_stdout(io.StringIO()):
        made.train(batches, batches[:1], 1)

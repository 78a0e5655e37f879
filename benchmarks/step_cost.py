"""What one training step costs as tasks are added: time and peak memory of Lepton's one backward, and of the ways around it.

The bare limit is one plain backward of the summed loss through a hand-written network with all heads batched. T backwards is what
methods on the tasks' gradients do without Lepton's cut; TorchJD and, from a checkout, LibMTL do it, with MGDA as weighting.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from benchmarks import harness, noise
from benchmarks.memory import peak
from benchmarks.peers import bare, libmtl
from lepton import environment
from lepton.training import optimizer
from lepton.training import step as lepton_step
from lepton.training.weighting.base import Weighting
from lepton.training.weighting.equal import Equal
from lepton.training.weighting.mgda import MGDA
from lepton.types import Batch

SIDE, CLASSES = 32, 10  # of an image, a task
TASKS = (2, 8, 32, 64)
MOST = 32  # tasks for which T backwards are measured
LIMIT, ADAPTIVE, HARD = "bare limit", "Lepton adaptive", "Lepton hard + Gram"


@dataclass(frozen=True)
class Place:
    """Where a step is measured. rows: of a batch. trunk: channels of the levels. budget: channels of all branches at a level.

    most: tasks for which T backwards are measured; TorchJD keeps all of them in memory at once.
    """

    device: str
    precision: str = "fp32"
    rows: int = 64
    trunk: tuple[int, ...] = (32, 64, 128)
    budget: int = 64
    most: int = MOST

    @property
    def words(self) -> str:
        return f"{self.device} {self.precision}, {self.rows} rows, {'/'.join(map(str, self.trunk))}"

    def width(self, tasks: int) -> int:
        return max(1, self.budget // tasks)

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.precision == "bf16")


LARGE: dict[str, Any] = {
    "rows": 2048,
    "trunk": (128, 256, 512),
    "budget": 256,
    "most": 8,
}  # what keeps a GPU busy; the others are launches
PLACES = {
    "cpu": [Place("cpu")],
    "cuda": [Place("cuda", precision, **size) for size in ({}, LARGE) for precision in ("fp32", "bf16")],
}

Lap = Callable[[str], None]
Turn = Callable[[Lap], None]


class Clock:
    """Seconds of the parts of a turn, in the order in which `lap` names their ends."""

    def __init__(self, device: str):
        self.device, self.seconds = device, dict[str, list[float]]()

    def start(self) -> None:
        self.last = harness.now(self.device)

    def lap(self, part: str) -> None:
        now = harness.now(self.device)
        self.seconds.setdefault(part, []).append(now - self.last)
        self.last = now


def adam(network: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(network.parameters(), fused=True)


def plain(network: bare.OneByOne | bare.Batched, x: Tensor, class_TB: Tensor, autocast: torch.autocast) -> Turn:
    """One backward of the summed loss."""
    moves = adam(network)

    def turn(lap: Lap) -> None:
        moves.zero_grad(set_to_none=True)
        with autocast:
            loss = network.losses(x, class_TB).sum()
        lap("forward")
        loss.backward()
        lap("backward")
        moves.step()
        lap("optimiser")

    return turn


def backwards(network: bare.Batched, x: Tensor, class_TB: Tensor, autocast: torch.autocast) -> Turn:
    """Each task's gradient at all parameters of the trunk by a backward of its own, their Gram matrix, and their sum."""
    moves = adam(network)
    shared = list(network.trunk.parameters())
    rest = [*network.read.parameters(), network.weight_TCK, network.bias_T1K]

    def turn(lap: Lap) -> None:
        moves.zero_grad(set_to_none=True)
        with autocast:
            loss_T = network.losses(x, class_TB)
        lap("forward")
        grads = [torch.autograd.grad(loss, shared, retain_graph=True) for loss in loss_T]
        grad_TP = torch.stack([torch.cat([grad.flatten() for grad in one]) for one in grads])
        weight_T = torch.ones_like(grad_TP @ grad_TP.T).diagonal()
        moved = (weight_T @ grad_TP).split([parameter.numel() for parameter in shared])
        for parameter, grad in zip(shared, moved, strict=True):
            parameter.grad = torch.empty_like(parameter).copy_(grad.view_as(parameter))  # a fused optimiser wants it laid out alike
        for parameter, own in zip(rest, torch.autograd.grad(loss_T.sum(), rest), strict=True):
            parameter.grad = own
        lap("backward")
        moves.step()
        lap("optimiser")

    return turn


def torchjd(network: bare.OneByOne, x: Tensor, class_TB: Tensor, autocast: torch.autocast) -> Turn:
    from torchjd import aggregation
    from torchjd.autojac import jac_to_grad, mtl_backward

    moves, aggregator = adam(network), aggregation.MGDA()

    def turn(lap: Lap) -> None:
        moves.zero_grad(set_to_none=True)
        with autocast:
            feature = network.trunk(x)
            losses = [nn.functional.cross_entropy(a.float(), c) for a, c in zip(network.answers(feature), class_TB, strict=True)]
        lap("forward")
        mtl_backward(losses, features=feature)
        jac_to_grad(network.trunk.parameters(), aggregator)
        lap("backward")
        moves.step()
        lap("optimiser")

    return turn


@contextmanager
def losses_end(lap: Lap) -> Iterator[None]:
    """Laps where Lepton's step has computed its losses, which is where its forward ends."""
    compute = lepton_step.task_losses

    def losses(*given: object, **more: object) -> object:
        found = compute(*given, **more)  # type: ignore[arg-type]
        lap("forward")
        return found

    with mock.patch.object(lepton_step, "task_losses", losses):
        yield


def lepton(place: Place, way: str, weighting: Weighting, x: Tensor, class_TB: Tensor, autocast: torch.autocast) -> Turn:
    """Lepton's step: losses, G and its Gram matrix whatever the weighting, and one backward."""
    tasks = len(class_TB)
    plan = noise.params(way, tasks, CLASSES, SIDE, place.trunk, place.width(tasks), place.device)
    network = noise.model(plan)
    moves = optimizer.make(network, plan.train, plan.train.lr)
    present = torch.ones(len(x), dtype=torch.bool, device=x.device)
    labels = {name: {"present": present, "class": class_B} for name, class_B in zip(plan.tasks, class_TB, strict=True)}

    def turn(lap: Lap) -> None:
        moves.zero_grad(set_to_none=True)
        with losses_end(lap):
            lepton_step.step(network, Batch(x, labels), weighting, {}, autocast=autocast)
        lap("backward")
        moves.step()
        lap("optimiser")

    return turn


def from_libmtl(made: object, x: Tensor, class_TB: Tensor) -> Turn:
    def turn(lap: Lap) -> None:
        libmtl.step(made, x, class_TB)
        lap("all")

    return turn


def turns(place: Place, tasks: int, most: int, checkout: Path | None) -> dict[str, Turn | None]:
    """Every way to take a step with T tasks; None for those that are not measured."""
    width, device = place.width(tasks), place.device
    x = torch.randn(place.rows, 3, SIDE, SIDE, device=device).contiguous(memory_format=torch.channels_last)
    class_TB = torch.randint(CLASSES, (tasks, place.rows), device=device)
    size = place.trunk, width, tasks, CLASSES
    batched, alone = partial(bare.Batched, *size), partial(bare.OneByOne, *size)
    given = (x, class_TB, place.autocast())
    found: dict[str, Turn | None] = {
        LIMIT: plain(batched().to(device), *given),
        "bare, head by head": plain(alone().to(device), *given),
        HARD: lepton(place, "hard", Equal(tasks), *given),
        ADAPTIVE: lepton(place, "adaptive", Equal(tasks), *given),
        "Lepton hard, MGDA": lepton(place, "hard", MGDA(tasks), *given),
        "T backwards": backwards(batched().to(device), *given) if tasks <= most else None,
        "TorchJD mtl_backward, MGDA": torchjd(alone().to(device), *given) if tasks <= most and device == "cpu" else None,
        "LibMTL MGDA": None,
    }
    if checkout and tasks <= most:
        found["LibMTL MGDA"] = from_libmtl(libmtl.trainer(checkout, "MGDA", place.trunk, width, tasks, CLASSES), x, class_TB)
    return found


def measure(place: Place, tasks: int, rounds: int, most: int, checkout: Path | None) -> list[harness.Row]:
    device = place.device
    all_ways = turns(place, tasks, most, checkout)
    ways = {name: turn for name, turn in all_ways.items() if turn}
    clocks = {name: Clock(device) for name in ways}

    def timed(name: str) -> None:
        clocks[name].start()
        ways[name](clocks[name].lap)

    seconds = harness.interleaved({name: partial(timed, name) for name in ways}, rounds, device=device)
    rows = []
    for name in all_ways:
        row: harness.Row = {"on": place.words, "tasks": tasks, "way": name, "ms": None}
        if name in ways:
            parts = clocks[name].seconds
            row["ms"] = 1e3 * median(seconds[name])
            row["× bare"] = harness.ratio(seconds, name, LIMIT)
            row |= {part: 1e3 * median(parts[part][-rounds:]) for part in ("forward", "backward", "optimiser") if part in parts}
            row["peak MB"] = peak(lambda turn=ways[name]: turn(lambda part: None), device) / 1e6  # type: ignore[misc]
        rows.append(row)
    return rows


def matmul_seconds(device: str, dtype: torch.dtype, side: int) -> float:
    """Of one square matrix product: the ceiling."""
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    return min(harness.interleaved({"product": lambda: a @ b}, 10, device=device)["product"])


def ceiling_shares(rows: list[harness.Row], place: Place) -> None:
    """Adds to each measured row the share of the time that its trunk's multiply-accumulates would take as one matrix product."""
    side = 8192 if place.device == "cuda" else 1024
    dtype = torch.bfloat16 if place.precision == "bf16" else torch.float32
    rate = side**3 / matmul_seconds(place.device, dtype, side)  # MAC/s
    pixels, macs, below = SIDE * SIDE, 0, 3
    for channels in place.trunk:
        pixels //= 4
        macs += pixels * 9 * channels * (below + channels)
        below = channels
    needed = 3 * macs * place.rows / rate  # forward, and backward to features and to kernels
    for row in rows:
        row["of the ceiling"] = None if row["ms"] is None else needed / (row["ms"] / 1e3)


def of(rows: list[harness.Row], tasks: int, way: str, key: str) -> float:
    return next(row[key] for row in rows if (row["tasks"], row["way"]) == (tasks, way))


def claims(rows: list[harness.Row], where: str) -> list[harness.Claim]:
    """At T = 32 against the bare limit, and at T = 64 against T = 2. where: the device, if there are several."""
    flat = of(rows, 64, ADAPTIVE, "× bare") / of(rows, 2, ADAPTIVE, "× bare")
    return [
        harness.at_most(f"hard sharing + Gram at T = 32, times the bare limit{where}", of(rows, 32, HARD, "× bare"), 1.15),
        harness.at_most(f"adaptive sharing at T = 32, times the bare limit{where}", of(rows, 32, ADAPTIVE, "× bare"), 1.5),
        harness.at_most(f"adaptive sharing at T = 64, over the same at T = 2{where}", flat, 1.15),
    ]


def run(options: argparse.Namespace) -> Path:
    torch.manual_seed(0)
    environment.keep_memory()  # as Lepton's stages do, for all that are measured
    rounds, most = (9, 8) if options.quick else (40 * options.seeds, MOST)
    rows, found = [], []
    places = [place for device in options.on for place in PLACES[device]]
    for place in places:
        here = [row for tasks in TASKS for row in measure(place, tasks, rounds, min(most, place.most), options.libmtl)]
        ceiling_shares(here, place)
        rows += here
        found += claims(here, "" if len(places) == 1 else f", {place.words}")
    setting = (
        f"a step with images of {SIDE} × {SIDE} and T tasks of {CLASSES} classes; at each level all tasks' reads and branches "
        "together have twice as many channels as the trunk's first level (32 tasks on 32/64/128: 2 each); forward, backward, AdamW"
    )
    return harness.save("step_cost", options, setting, rows, found)


if __name__ == "__main__":
    arguments = harness.parser("step_cost", __doc__)
    harness.add_devices(arguments)
    arguments.add_argument("--libmtl", type=Path, metavar="DIR", help="a checkout of LibMTL (none: its rows say not measured)")
    run(arguments.parse_args())

"""How fast Lepton's training loop is: samples per second of whole epochs, beside a bare PyTorch loop on the same network and data.

Both draw rows, make a batch from uint8 images in memory, and take one step with equal weights; there is neither augmentation,
clipping nor validation. Lepton's loop does its usual work besides: the tasks' gradients and their Gram matrix, the schedule, a look
for losses that are no numbers, the history, the best weights. LibMTL's loop keeps its metrics, which it cannot leave out.
"""

import argparse
import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks import harness, noise
from benchmarks.peers import bare, libmtl
from lepton import environment
from lepton.training.loop import Trainer

SIDE, CLASSES = 32, 10  # pixels; of each task
TASKS = (1, 5)
WIDTH = 16  # channels of each task's read
BARE, LEPTON, LIBMTL = "bare loop", "Lepton's loop", "LibMTL's loop"


@dataclass(frozen=True)
class Place:
    """Where a loop is measured. batch: samples. trunk: channels of the levels."""

    device: str
    batch: int = 64
    trunk: tuple[int, ...] = (32, 64, 128)

    @property
    def words(self) -> str:
        return f"{self.device}, batches of {self.batch}, {'/'.join(map(str, self.trunk))}"


LARGE = (256, 512, 1024)  # keeps a GPU busy; the small trunk is as fast there as its calls are made
PLACES = {"cpu": [Place("cpu")], "cuda": [Place("cuda"), Place("cuda", 1024), Place("cuda", 1024, LARGE)]}


def lepton(place: Place, inputs: torch.Tensor, class_TN: torch.Tensor) -> Callable[[], object]:
    """One epoch of `Trainer.fit`, everything that it sets up included."""
    plan = noise.params("hard", len(class_TN), CLASSES, SIDE, place.trunk, WIDTH, place.device, batch_size=place.batch)
    network, samples = noise.model(plan), noise.samples(plan, inputs, class_TN)

    def epoch() -> None:
        trainer = Trainer(network, plan, samples, None, np.ones(len(inputs)), dict.fromkeys(plan.tasks), plan.train.lr, 1)
        with contextlib.redirect_stdout(io.StringIO()):  # its progress bar
            trainer.fit()

    return epoch


def by_hand(place: Place, inputs: torch.Tensor, class_TN: torch.Tensor) -> Callable[[], object]:
    network = bare.Batched(place.trunk, WIDTH, len(class_TN), CLASSES).to(place.device)
    moves = torch.optim.AdamW(network.parameters(), fused=True)
    return partial(bare.train, network, moves, inputs, class_TN, place.batch, place.device)


def from_libmtl(place: Place, inputs: torch.Tensor, class_TN: torch.Tensor, checkout: Path) -> Callable[[], object]:
    made = libmtl.trainer(checkout, "EW", place.trunk, WIDTH, len(class_TN), CLASSES)

    def epoch() -> None:
        given = [
            (x, dict(zip(made.task_name, class_TB, strict=True)))
            for x, class_TB in bare.batches(inputs, class_TN, place.batch, "cpu")
        ]
        libmtl.train(made, given)

    return epoch


def measure(place: Place, tasks: int, count: int, rounds: int, checkout: Path | None) -> list[harness.Row]:
    inputs = torch.randint(256, (count, 3, SIDE, SIDE), dtype=torch.uint8)
    class_TN = torch.randint(CLASSES, (tasks, count))
    loops = {BARE: by_hand(place, inputs, class_TN), LEPTON: lepton(place, inputs, class_TN)}
    if checkout:
        loops[LIBMTL] = from_libmtl(place, inputs, class_TN, checkout)
    seconds = harness.interleaved(loops, rounds, warmup=1, device=place.device)
    rows: list[harness.Row] = []
    for name in (BARE, LEPTON, LIBMTL):
        row: harness.Row = {"on": place.words, "tasks": tasks, "loop": name, "samples/s": None, "of the bare loop": None}
        if name in seconds:
            row |= {"samples/s": count / median(seconds[name]), "of the bare loop": harness.ratio(seconds, BARE, name)}
        rows.append(row)
    return rows


def of(rows: list[harness.Row], tasks: int, loop: str) -> float | None:
    return next(row["of the bare loop"] for row in rows if (row["tasks"], row["loop"]) == (tasks, loop))


def claims(rows: list[harness.Row], where: str) -> list[harness.Claim]:
    found = []
    for tasks in TASKS:
        ours, theirs, many = of(rows, tasks, LEPTON), of(rows, tasks, LIBMTL), "1 task" if tasks == 1 else f"{tasks} tasks"
        found.append(harness.at_least(f"speed of Lepton's loop with {many}, of a bare loop's{where}", ours, 0.95))
        beside = None if ours is None or theirs is None else ours / theirs
        found.append(harness.at_least(f"speed of Lepton's loop with {many}, of LibMTL's with equal weights{where}", beside, 1.0))
    return found


def run(options: argparse.Namespace) -> Path:
    torch.manual_seed(0)
    environment.keep_memory()  # as Lepton's stages do, for all that are measured
    rounds, count = (5, 2048) if options.quick else (15 * options.seeds, 4096)
    rows, found = [], []
    for place in [place for device in options.on for place in PLACES[device]]:
        here = [row for tasks in TASKS for row in measure(place, tasks, count, rounds, options.libmtl)]
        rows += here
        found += claims(here, "" if options.on == ["cpu"] else f", {place.words}")
    setting = f"epochs of {count} images of {SIDE} × {SIDE}, tasks of {CLASSES} classes, hard sharing, AdamW"
    return harness.save("throughput", options, setting, rows, found)


if __name__ == "__main__":
    arguments = harness.parser("throughput", __doc__)
    harness.add_devices(arguments)
    arguments.add_argument("--libmtl", type=Path, metavar="DIR", help="a checkout of LibMTL (none: its rows say not measured)")
    run(arguments.parse_args())

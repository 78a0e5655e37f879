"""How fast Lepton's training loop is: samples per second of whole epochs, beside a bare PyTorch loop on the same network and data.

Both draw rows, make a batch from uint8 images in memory, and take one step with equal weights; there is neither augmentation,
clipping nor validation. Lepton's loop does its usual work besides: the tasks' gradients and their Gram matrix, the schedule, a look
for losses that are no numbers, the history, the best weights. LibMTL's loop keeps its metrics, which it cannot leave out.
"""

import argparse
import contextlib
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks import harness, noise
from benchmarks.peers import bare, libmtl
from lepton import environment
from lepton.training.loop import Trainer

TRUNK, WIDTH = (32, 64, 128), 16  # channels of the levels, and of each task's read
BATCH, SIDE, CLASSES = 64, 32, 10  # samples; pixels; of each task
TASKS = (1, 5)
BARE, LEPTON, LIBMTL = "bare loop", "Lepton's loop", "LibMTL's loop"


def lepton(inputs: torch.Tensor, class_TN: torch.Tensor) -> Callable[[], object]:
    """One epoch of `Trainer.fit`, everything that it sets up included."""
    plan = noise.params("hard", len(class_TN), CLASSES, SIDE, TRUNK, WIDTH, batch_size=BATCH)
    network, samples = noise.model(plan), noise.samples(plan, inputs, class_TN)

    def epoch() -> None:
        trainer = Trainer(network, plan, samples, None, np.ones(len(inputs)), dict.fromkeys(plan.tasks), plan.train.lr, 1)
        with contextlib.redirect_stdout(io.StringIO()):  # its progress bar
            trainer.fit()

    return epoch


def by_hand(inputs: torch.Tensor, class_TN: torch.Tensor, device: str) -> Callable[[], object]:
    network = bare.Batched(TRUNK, WIDTH, len(class_TN), CLASSES).to(device)
    moves = torch.optim.AdamW(network.parameters(), fused=True)
    return partial(bare.train, network, moves, inputs, class_TN, BATCH, device)


def from_libmtl(inputs: torch.Tensor, class_TN: torch.Tensor, checkout: Path) -> Callable[[], object]:
    made = libmtl.trainer(checkout, "EW", TRUNK, WIDTH, len(class_TN), CLASSES)

    def epoch() -> None:
        given = [
            (x, dict(zip(made.task_name, class_TB, strict=True))) for x, class_TB in bare.batches(inputs, class_TN, BATCH, "cpu")
        ]
        libmtl.train(made, given)

    return epoch


def measure(tasks: int, count: int, rounds: int, device: str, checkout: Path | None) -> list[harness.Row]:
    inputs = torch.randint(256, (count, 3, SIDE, SIDE), dtype=torch.uint8)
    class_TN = torch.randint(CLASSES, (tasks, count))
    loops = {BARE: by_hand(inputs, class_TN, device), LEPTON: lepton(inputs, class_TN)}
    if checkout:
        loops[LIBMTL] = from_libmtl(inputs, class_TN, checkout)
    seconds = harness.interleaved(loops, rounds, warmup=1, device=device)
    rows: list[harness.Row] = []
    for name in (BARE, LEPTON, LIBMTL):
        row: harness.Row = {"on": device, "tasks": tasks, "loop": name, "samples/s": None, "of the bare loop": None}
        if name in seconds:
            row |= {"samples/s": count / median(seconds[name]), "of the bare loop": harness.ratio(seconds, BARE, name)}
        rows.append(row)
    return rows


def of(rows: list[harness.Row], tasks: int, loop: str) -> float | None:
    return next(row["of the bare loop"] for row in rows if (row["tasks"], row["loop"]) == (tasks, loop))


def claims(rows: list[harness.Row]) -> list[harness.Claim]:
    found = []
    for tasks in TASKS:
        ours, theirs, many = of(rows, tasks, LEPTON), of(rows, tasks, LIBMTL), "1 task" if tasks == 1 else f"{tasks} tasks"
        found.append(harness.at_least(f"speed of Lepton's loop with {many}, of a bare loop's", ours, 0.95))
        beside = None if ours is None or theirs is None else ours / theirs
        found.append(harness.at_least(f"speed of Lepton's loop with {many}, of LibMTL's with equal weights", beside, 1.0))
    return found


def run(options: argparse.Namespace) -> Path:
    torch.manual_seed(0)
    environment.keep_memory()  # as Lepton's stages do, for all that are measured
    rounds, count = (5, 2048) if options.quick else (15 * options.seeds, 4096)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rows = [row for tasks in TASKS for row in measure(tasks, count, rounds, device, options.libmtl)]
    if device == "cpu":
        rows.append({"on": "cuda", "loop": "not measured: no GPU here"})
    setting = (
        f"epochs of {count} images of {SIDE} × {SIDE} in batches of {BATCH}, tasks of {CLASSES} classes, hard sharing; trunk of "
        f"{'/'.join(map(str, TRUNK))} channels; AdamW"
    )
    return harness.save("throughput", options, setting, rows, claims(rows))


if __name__ == "__main__":
    arguments = harness.parser("throughput", __doc__)
    arguments.add_argument("--libmtl", type=Path, metavar="DIR", help="a checkout of LibMTL (none: its rows say not measured)")
    run(arguments.parse_args())

"""Long measurements as many short jobs: each is done once and leaves one JSON file, so that an interrupted run goes on.

The name of the file is a digest of the job's arguments: other settings are other jobs. A job that was done by other code than this
still counts, and the run says so.
"""

import argparse
import contextlib
import hashlib
import io
import multiprocessing
import os
import re
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import lepton
from lepton import environment, files
from lepton.errors import Diverged


@dataclass(frozen=True)
class Job:
    """call: `module:function`, which takes `args` and returns values for JSON and arrays. args: equal words, equal results."""

    name: str
    call: str
    args: tuple[Any, ...]

    @property
    def file(self) -> str:
        digest = hashlib.sha256(repr((self.call, self.args)).encode()).hexdigest()
        return f"{re.sub(r'[^a-zA-Z0-9.+-]+', '_', self.name)}-{digest[:10]}"


@dataclass(frozen=True)
class Done:
    """What a job found. values has `diverged`, the message, and nothing else when a loss stopped being finite."""

    values: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def add_options(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes of one thread each (2)")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(".lepton/benchmarks") / name,
        metavar="DIR",
        help=f"finished trainings, one file each; the next run goes on from there (.lepton/benchmarks/{name})",
    )


def call(name: str, *args: Any) -> Any:
    """Calls `module:function`."""
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)(*args)


@cache
def code() -> str:
    """A digest of Lepton's sources."""
    root = Path(lepton.__file__).parent
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(root.rglob("*.py")))).hexdigest()[:10]


def do(job: Job, work: Path) -> None:
    """Does one job, in a process of its own or here."""
    import torch

    torch.set_num_threads(1)
    environment.keep_memory()  # as Lepton's stages do
    with contextlib.redirect_stdout(io.StringIO()):  # its progress bar, beside those of others
        try:
            values, arrays = call(job.call, *job.args)
        except Diverged as error:
            values, arrays = {"diverged": str(error)}, {}
    files.write(work / f"{job.file}.npz", lambda temporary: np.savez(temporary, **arrays))
    files.write_json(work / f"{job.file}.json", {"job": job.name, "code": code(), "values": values})


def finish(jobs: Iterable[Job], work: Path, processes: int) -> dict[str, Done]:
    """Every job's findings by its name; what `work` holds already is not done again."""
    jobs = list(jobs)
    open_ = [job for job in jobs if not (work / f"{job.file}.json").exists()]
    os.environ["OMP_NUM_THREADS"] = "1"  # of the processes that are started, before they load their libraries
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with (
        ProcessPoolExecutor(max(1, processes), multiprocessing.get_context("spawn")) as pool,
        Progress(*columns) as bar,
    ):
        line = bar.add_task("trainings", total=len(jobs), completed=len(jobs) - len(open_))
        for ended in as_completed([pool.submit(do, job, work) for job in open_]):
            ended.result()
            bar.advance(line)
    found = {job.name: files.read_json(work / f"{job.file}.json") for job in jobs}
    if others := [name for name, one in found.items() if one["code"] != code()]:
        Console().print(f"[yellow]{len(others)} of {len(jobs)} trainings are of other code than this: empty {work} to repeat them.")
    return {job.name: Done(found[job.name]["values"], dict(np.load(work / f"{job.file}.npz"))) for job in jobs}

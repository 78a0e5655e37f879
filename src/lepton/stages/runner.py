"""What every stage has around it: parameters, seed, threads, tracker, record, and one clear line when it cannot go on."""

import logging
import os
import platform
import random
import re
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lepton import environment, files
from lepton.config import Params, load
from lepton.errors import LeptonError, Refusal
from lepton.ops import records
from lepton.tracking import start
from lepton.tracking.tracker import NoTracker, Tracker

ARTIFACTS = Path("artifacts")


@dataclass
class Stage:
    """A running stage. Values go to `out`, everything that a clock or a host has a say in goes to `record`."""

    name: str
    params: Params
    tracker: Tracker
    home: Path  # checkpoints, Data Docs and other leftovers that no stage reads
    key: str
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        return ARTIFACTS / self.name

    def scratch(self, kind: str) -> Path:
        """A folder of this stage and key outside DVC's outputs, made when asked for; e.g. for checkpoints."""
        folder = self.home / kind / self.name / self.key
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _deterministic(params: Params) -> None:
    import numpy as np
    import torch

    random.seed(params.compute.seed)
    np.random.seed(params.compute.seed)
    torch.manual_seed(params.compute.seed)
    torch.set_num_threads(params.compute.threads)
    environment.keep_memory()
    torch.set_deterministic_debug_mode("warn")  # use_deterministic_algorithms says the same and imports the compiler, 2 s
    # filling guards nothing here and takes a tenth of a step
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def _quiet() -> None:
    """Warnings of libraries are for developers, who see them in the tests; Lepton's own remain."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    logging.getLogger("lepton").setLevel(logging.WARNING)


def _run(name: str, work: Callable[[Stage], None]) -> None:
    started = time.perf_counter()
    environment.set_defaults()
    params = load()
    _deterministic(params)
    path = records.path_of(name)
    tracker = start(name, params) if environment.first() else NoTracker()
    stage = Stage(name, params, tracker, environment.home(), path.stem)
    try:
        work(stage)
    except BaseException:
        tracker.finish(ok=False)
        raise
    times = {"seconds": time.perf_counter() - started, "ended": time.time()}
    host = {"host": platform.node(), "cpu": platform.machine(), "pid": os.getpid()}
    if environment.first():
        files.write_json(path, {**times, **stage.record, "wandb": tracker.finish(ok=True), **host})


def main(name: str, work: Callable[[Stage], None]) -> None:
    """Runs a stage as a process. Exit codes: 0 done, 2 a LeptonError, 3 a Refusal; anything else is a bug, with its traceback.

    The record is written when all else is done, so there is none of a run that failed.
    """
    _quiet()
    environment.end_with_owner()
    try:
        _run(name, work)
    except LeptonError as error:
        sys.exit(_said(name, error))
    except FileNotFoundError as error:
        if not (missing := re.search(rf"{ARTIFACTS}/[\w./-]*\w", str(error))):
            raise
        sys.exit(_said(name, LeptonError(f"{missing[0]}: not there. Run the stage that makes it: dvc repro.")))
    except KeyboardInterrupt:
        sys.exit(130)


def _said(stage: str, error: LeptonError) -> int:
    """Says why in one line, and leaves it for the message of the run; the exit code."""
    word, code = ("refused", 3) if isinstance(error, Refusal) else ("error", 2)
    logging.disable()  # libraries that say goodbye at exit
    if environment.first():
        print(f"{word}: {error}", file=sys.stderr, flush=True)
        records.leave_last_words(stage, str(error))
    return code

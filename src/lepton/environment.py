"""Defaults for the tools that Lepton drives, set in this one place. What the user has set stays."""

import ctypes
import gc
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from lepton.errors import LeptonError

OWNER = "LEPTON_OWNER"  # process of the run that a stage belongs to
GLANCE = 2.0  # seconds between two looks at it


def home(root: Path | None = None) -> Path:
    """Where records, caches and reports live, outside git and DVC: $LEPTON_HOME, else .lepton in the project."""
    return Path(os.environ.get("LEPTON_HOME") or (root or Path.cwd()) / ".lepton").absolute()


def first() -> bool:
    """Is this the one process that writes? Of several that work together, as torchrun starts them, only number 0 does."""
    return os.environ.get("RANK", "0") == "0"


def set_defaults(root: Path | None = None, *, make: bool = True) -> None:
    """Keeps every tool's state inside the project, and its telemetry off. Called before any of them is imported.

    make: whether to make the folder for it; not for what only looks.
    """
    place = home(root)
    try:
        if make:
            (place / "prefect").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LeptonError(f"{place}: cannot be written ({error.strerror}). Free the path or set LEPTON_HOME.") from None
    defaults = {
        "LEPTON_HOME": place,
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": place / "prefect",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",  # hides 'Error flushing' at exit
        "PREFECT_LOGGING_LEVEL": "CRITICAL",  # flows say themselves how they ended; a bug's traceback is not a log
        "DVC_SITE_CACHE_DIR": place / "dvc",
        "DVC_NO_ANALYTICS": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "WANDB_DIR": place,
        "WANDB_CACHE_DIR": place / "wandb-cache",
        "WANDB_DATA_DIR": place / "wandb-data",
        "WANDB_SILENT": "true",
        "MPLBACKEND": "agg",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, str(value))
    if not os.environ.get("WANDB_API_KEY"):  # online without a key takes half a minute to fail
        os.environ.setdefault("WANDB_MODE", "offline")


def end_with_owner() -> None:
    """Ends this process soon after its run, where it has one. A stage whose run was killed would go on, beside the next run's."""
    if OWNER not in os.environ:
        return

    def watch() -> None:
        with suppress(psutil.NoSuchProcess):
            owner = psutil.Process(int(os.environ[OWNER]))
            while owner.is_running() and owner.status() != psutil.STATUS_ZOMBIE:
                time.sleep(GLANCE)
        os._exit(130)

    threading.Thread(target=watch, daemon=True).start()


def keep_memory() -> None:
    """Lets freed memory stay with the process, where its C library is glibc, and what is loaded by now stay out of the collector.

    Given back after every step, memory comes again filled with zeros, a page at a time: up to a tenth of a step's time on a CPU. A
    search for cycles among some 400,000 objects of the libraries takes .2 s, and one detector's validation is enough to start it.
    """
    gc.collect()
    gc.freeze()
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        trim_threshold, mmap_threshold = -1, -3  # of malloc.h
        mallopt(trim_threshold, 2**30)
        mallopt(mmap_threshold, 2**25)  # bytes; the most that it takes

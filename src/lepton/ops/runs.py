"""A run that nobody watches takes place in a clone of its own, so that it never touches anyone's working tree."""

import os
import shutil
import time
from pathlib import Path

import psutil

from lepton.environment import home
from lepton.ops import dvc, git
from lepton.ops.network import patiently

KEPT = 5  # folders of the latest runs
PID = Path(".git/lepton.pid")


def fresh(root: Path, run: str) -> Path:
    """A clone of the pushed commit, with the cache and the remote of `root`; the oldest such folders go, unless a run is in them.

    Pushed: what `origin` has of the branch that is checked out. Without an origin, the present commit.
    """
    place = home(root) / "runs" / run
    patiently(git.clone)(root, place, pushed=True)
    dvc.share(root, place)
    (place / PID).write_text(str(os.getpid()))
    for old in sorted(path for path in place.parent.iterdir() if path.is_dir() and path != place)[: 1 - KEPT or None]:
        if not _runs(old):
            shutil.rmtree(old, ignore_errors=True)
    return place


def _runs(place: Path) -> bool:
    """Does the process live that took this folder? Unreadable: it is being made right now."""
    try:
        return psutil.pid_exists(int((place / PID).read_text()))
    except (OSError, ValueError):
        return (place / ".git").exists() and time.time() - place.stat().st_mtime < 3600

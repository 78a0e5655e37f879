"""A run that nobody watches takes place in a clone of its own, so that it never touches anyone's working tree."""

import shutil
from pathlib import Path

from lepton.environment import home
from lepton.ops import git, projects

KEPT = 5  # folders of the latest runs


def fresh(root: Path, run: str) -> Path:
    """A clone of the pushed commit, with the cache and the remote of `root`; the oldest such folders go.

    Pushed: what `origin` has of the branch that is checked out. Without an origin, the present commit.
    """
    place = home(root) / "runs" / run
    git.clone(root, place, pushed=True)
    projects.share(root, place)
    for old in sorted(place.parent.iterdir())[:-KEPT]:
        shutil.rmtree(old)
    return place

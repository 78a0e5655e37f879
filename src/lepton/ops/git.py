"""What Lepton asks of git: which commit this is, whether the tree differs from it, and a clone to run in."""

import subprocess
from pathlib import Path

from lepton.errors import LeptonError


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise LeptonError("git: not installed, or not on the PATH.") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or ["no message"]
        raise LeptonError(f"git {arguments[0]} in {root}: {said[-1]}") from None
    return done.stdout.rstrip()


def sha(root: Path) -> str:
    """The commit that is checked out."""
    return _git(root, "rev-parse", "HEAD")


def changed(root: Path) -> list[str]:
    """Tracked or new files that differ from the commit, relative to the repository; empty: clean."""
    return [line[3:] for line in _git(root, "status", "--porcelain").splitlines()]


def clone(root: Path, place: Path) -> str:
    """Makes or brings `place` to the commit that is checked out in `root`; returns the commit.

    Untracked files in `place` stay; tracked ones are overwritten.
    """
    commit = sha(root)
    if not (place / ".git").exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        _git(root, "clone", "--quiet", "--no-checkout", str(root), str(place))
    _git(place, "fetch", "--quiet", str(root), commit)
    _git(place, "checkout", "--quiet", "--force", "--detach", commit)
    return commit

"""What Lepton asks of git: which commit this is, what differs from it, and a clone to run in. Branches and tags: `refs`."""

import os
import subprocess
from pathlib import Path

from lepton.errors import LeptonError


def run(root: Path, *arguments: str, **variables: str) -> str:
    """One git command in `root`; what it prints. LeptonError, one line, where it fails. variables: of its environment."""
    command, environment = ["git", "-C", str(root), *arguments], {**os.environ, **variables}
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    except FileNotFoundError:
        raise LeptonError("git: not installed, or not on the PATH.") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or ["no message"]
        verb = next(word for word in arguments if not word.startswith("-") and "=" not in word)
        raise LeptonError(f"git {verb} in {root}: {said[-1]}") from None
    return done.stdout.rstrip()


def sha(root: Path) -> str:
    """The commit that is checked out."""
    return run(root, "rev-parse", "HEAD")


def changed(root: Path) -> list[str]:
    """Tracked or new files that differ from the commit, relative to the repository; empty: clean."""
    return _status(root)


def differing(root: Path, *new: str) -> list[str]:
    """Tracked files that differ from the commit, and those that it lacks among `new`, pathspecs of git."""
    lacking = _status(root, "--untracked-files=all", "--", *new) if new else []
    return list(dict.fromkeys([*_status(root, "--untracked-files=no"), *lacking]))


def _status(root: Path, *how: str) -> list[str]:
    """Names as they are: without -z git quotes those that have a space in them."""
    return [entry[3:] for entry in run(root, "status", "--porcelain", "-z", "--no-renames", *how).split("\0") if entry]


def show(root: Path, commit: str, path: str) -> str:
    """A file's text as a commit has it."""
    return run(root, "show", f"{commit}:{path}")


def changed_since(root: Path, commit: str, *paths: str) -> list[str]:
    """Tracked files below `paths` that are not as a commit had them, those of the working tree."""
    return run(root, "diff", "--name-only", commit, "--", *paths).splitlines()


def origin(root: Path) -> bool:
    """Is there a repository that this one belongs to?"""
    return "origin" in run(root, "remote").splitlines()


def _origin(root: Path) -> str:
    """Its address, from wherever it is asked for: git takes a relative one from the repository that names it."""
    told = run(root, "remote", "get-url", "origin")
    return str((root / told).resolve()) if (root / told).exists() else told


def clone(root: Path, place: Path, pushed: bool = False) -> str:
    """Makes or brings `place` to the commit that is checked out in `root`; returns the commit.

    Untracked files in `place` stay; tracked ones are overwritten. pushed: to what the origin of `root`, where it has one, has of
    the branch that is checked out; the clone then belongs to that origin.
    """
    source, commit = str(root), sha(root)
    if pushed and origin(root):
        source, branch = _origin(root), run(root, "branch", "--show-current")
        if not branch:
            raise LeptonError("git: no branch is checked out, so it is unknown which pushed one is meant: git switch BRANCH.")
        if not (found := run(root, "ls-remote", "origin", f"refs/heads/{branch}")):
            raise LeptonError(f"git: origin has no branch {branch}. Push it: git push origin {branch}.")
        commit = found.split()[0]
    if not (place / ".git").exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        run(root, "clone", "--quiet", "--no-checkout", source, str(place))
    run(place, "fetch", "--quiet", source, commit)
    run(place, "checkout", "--quiet", "--force", "--detach", commit)
    return commit

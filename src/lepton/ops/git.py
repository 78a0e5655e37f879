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


def clone(root: Path, place: Path, pushed: bool = False) -> str:
    """Makes or brings `place` to the commit that is checked out in `root`; returns the commit.

    Untracked files in `place` stay; tracked ones are overwritten. pushed: to what the origin of `root`, where it has one, has of
    the branch that is checked out; the clone then belongs to that origin, and knows the branch as its base.
    """
    source, ref = _pushed(root) if pushed else (str(root), "")
    commit = _remote(root, source, ref) if ref else sha(root)
    if not (place / ".git").exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        run(root, "clone", "--quiet", "--no-checkout", source, str(place))
    _checkout(place, source, commit)
    if ref:
        run(place, "config", "lepton.base", ref)
    return commit


def _pushed(root: Path) -> tuple[str, str]:
    """The repository that a clone of what is pushed belongs to, and the ref that it is made from."""
    branch = run(root, "branch", "--show-current")
    ref = f"refs/heads/{branch}" if branch else "HEAD"
    if not origin(root):
        return str(root), ref
    if not branch:
        raise LeptonError("git: no branch is checked out, so it is unknown which pushed one is meant: git switch BRANCH.")
    told = run(root, "remote", "get-url", "origin")
    return str((root / told).resolve()) if (root / told).exists() else told, ref  # a relative one is git's to resolve


def _remote(root: Path, source: str, ref: str) -> str:
    """The commit that another repository has of a ref."""
    if not (found := run(root, "ls-remote", source, ref)):
        branch = ref.removeprefix("refs/heads/")
        raise LeptonError(f"git: origin has no branch {branch}. Push it: git push origin {branch}.")
    return found.split()[0]


def _checkout(place: Path, source: str, commit: str) -> None:
    run(place, "fetch", "--quiet", source, commit)
    run(place, "checkout", "--quiet", "--force", "--detach", commit)


def base(place: Path) -> str:
    """The commit that a clone of what was pushed would be made of now."""
    return _remote(place, "origin", run(place, "config", "lepton.base"))


def follow(place: Path) -> None:
    """Brings a clone of what was pushed to what is pushed by now; tracked files are overwritten."""
    _checkout(place, "origin", base(place))

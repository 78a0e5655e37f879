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


def show(root: Path, commit: str, path: str) -> str:
    """A file's text as a commit has it."""
    return _git(root, "show", f"{commit}:{path}")


def differing(root: Path, *new: str) -> list[str]:
    """Tracked files that differ from the commit, and those that it lacks among `new`, pathspecs of git."""
    found = _git(root, "status", "--porcelain", "--untracked-files=no")
    lacking = _git(root, "status", "--porcelain", "--untracked-files=all", "--", *new) if new else ""
    return list(dict.fromkeys(line[3:] for line in [*found.splitlines(), *lacking.splitlines()]))


def changed_since(root: Path, commit: str, *paths: str) -> list[str]:
    """Tracked files below `paths` that are not as a commit had them, those of the working tree."""
    return _git(root, "diff", "--name-only", commit, "--", *paths).splitlines()


def tags(root: Path, pattern: str) -> list[tuple[str, str, str]]:
    """Annotated tags that match, as (name, commit, message)."""
    form = "%(refname:strip=2)%00%(*objectname)%00%(contents)%01"
    lines = _git(root, "for-each-ref", f"--format={form}", f"refs/tags/{pattern}").split("\x01")
    found = [tuple(line.strip("\n").split("\0")) for line in lines if line.strip()]
    return [(name, commit, message) for name, commit, message in found if commit]


def tag(root: Path, name: str, commit: str, message: str) -> None:
    """An annotated tag; LeptonError where it is taken. Who has not told git a name tags as lepton."""
    known = subprocess.run(["git", "-C", str(root), "config", "user.email"], capture_output=True, check=False).returncode == 0
    who = () if known else ("-c", "user.name=lepton", "-c", "user.email=lepton@localhost")
    _git(root, *who, "tag", "--annotate", "--cleanup=verbatim", "--message", message, name, commit)

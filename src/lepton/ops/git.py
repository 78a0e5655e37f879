"""What Lepton asks of git: which commit this is, whether the tree differs from it, and a clone to run in."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lepton.errors import LeptonError


def _git(root: Path, *arguments: str, **variables: str) -> str:
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
    return _git(root, "rev-parse", "HEAD")


def changed(root: Path) -> list[str]:
    """Tracked or new files that differ from the commit, relative to the repository; empty: clean."""
    return [line[3:] for line in _git(root, "status", "--porcelain").splitlines()]


def clone(root: Path, place: Path, pushed: bool = False) -> str:
    """Makes or brings `place` to the commit that is checked out in `root`; returns the commit.

    Untracked files in `place` stay; tracked ones are overwritten. pushed: to what the origin of `root`, where it has one, has of
    the branch that is checked out; the clone then belongs to that origin.
    """
    source, commit = str(root), sha(root)
    if pushed and origin(root):
        source, branch = _git(root, "remote", "get-url", "origin"), _git(root, "rev-parse", "--abbrev-ref", "HEAD")
        if not (found := _git(root, "ls-remote", "origin", f"refs/heads/{branch}")):
            raise LeptonError(f"git: origin has no branch {branch}. Push it: git push origin {branch}.")
        commit = found.split()[0]
    if not (place / ".git").exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        _git(root, "clone", "--quiet", "--no-checkout", source, str(place))
    _git(place, "fetch", "--quiet", source, commit)
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


def fetch_tags(root: Path, pattern: str) -> None:
    """Brings those that `origin` has, where there is one; LeptonError where it cannot be asked, or names another commit so."""
    if origin(root):
        _git(root, "fetch", "--quiet", "origin", f"refs/tags/{pattern}:refs/tags/{pattern}")


def tag(root: Path, name: str, commit: str, message: str) -> None:
    """An annotated tag, in `origin` as well where there is one; LeptonError where it is taken, and then nowhere."""
    _git(root, *_somebody(root), "tag", "--annotate", "--cleanup=verbatim", "--message", message, name, commit)
    if origin(root):
        try:
            _git(root, "push", "--quiet", "origin", f"refs/tags/{name}")
        except LeptonError:
            _git(root, "tag", "--delete", name)
            raise


def _somebody(root: Path) -> tuple[str, ...]:
    """Who has not told git a name writes as lepton."""
    known = subprocess.run(["git", "-C", str(root), "config", "user.email"], capture_output=True, check=False).returncode == 0
    return () if known else ("-c", "user.name=lepton", "-c", "user.email=lepton@localhost")


def snapshot(root: Path, paths: Sequence[str]) -> str:
    """The tree of the present commit with `paths`, pathspecs, as they stand in the folder; the index stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(root, "read-tree", "HEAD", **index)
        there = [path for path in paths if _git(root, "ls-files", "--cached", "--others", "--exclude-standard", "--", path)]
        _git(root, "add", "--all", "--", *there, **index)
        return _git(root, "write-tree", **index)


def committed(root: Path, paths: Sequence[str], message: str) -> str:
    """A commit of that tree on top of the present one; on no branch yet."""
    return _git(root, *_somebody(root), "commit-tree", snapshot(root, paths), "-p", "HEAD", "-m", message)


def same_files(root: Path, commit: str, paths: Sequence[str]) -> bool:
    """Are these files, pathspecs, as they stand in the folder, those of a commit?"""
    return not _git(root, "diff-tree", "-r", "--name-only", commit, snapshot(root, paths), "--", *paths)


def put(root: Path, ref: str, commit: str) -> None:
    """Makes a new ref in `origin`, or here where there is none; LeptonError where it is taken."""
    if origin(root):
        _git(root, "push", "--quiet", "--force-with-lease=" + ref + ":", "origin", f"{commit}:{ref}")
    else:
        _git(root, "update-ref", ref, commit, "0" * 40)


def origin(root: Path) -> bool:
    """Is there a repository that this one belongs to?"""
    return "origin" in _git(root, "remote").splitlines()


def branches(root: Path, prefix: str) -> list[tuple[str, str]]:
    """Branches here, or in `origin` where there is one, as (name, commit)."""
    if origin(root):
        lines = _git(root, "ls-remote", "origin", f"refs/heads/{prefix}*").splitlines()
        found = [(ref, commit) for commit, ref in (line.split() for line in lines)]
        if found:
            _git(root, "fetch", "--quiet", "origin", *(commit for _, commit in found))
    else:
        lines = _git(root, "for-each-ref", "--format=%(refname) %(objectname)", f"refs/heads/{prefix}").splitlines()
        found = [(ref, commit) for ref, commit in (line.split() for line in lines)]
    return [(ref.removeprefix("refs/heads/"), commit) for ref, commit in found]

"""Commits, branches and tags that Lepton makes: beside the working tree, new ones only, in `origin` where there is one."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lepton.ops.git import origin, run
from lepton.ops.network import patiently


def tags(root: Path, pattern: str) -> list[tuple[str, str, str]]:
    """Annotated tags that match, as (name, commit, message)."""
    form = "%(refname:strip=2)%00%(*objectname)%00%(contents)%01"
    lines = run(root, "for-each-ref", f"--format={form}", f"refs/tags/{pattern}").split("\x01")
    found = [tuple(line.strip("\n").split("\0")) for line in lines if line.strip()]
    return [(name, commit, message) for name, commit, message in found if commit]


def fetch_tags(root: Path, pattern: str) -> None:
    """Brings those that `origin` has, where there is one; LeptonError where it cannot be asked, or has another one of a name."""
    if origin(root):
        run(root, "fetch", "origin", f"refs/tags/{pattern}:refs/tags/{pattern}")


def drop_tags(root: Path, pattern: str) -> None:
    """Takes them out of this clone; nowhere else."""
    if names := run(root, "tag", "--list", pattern).splitlines():
        run(root, "tag", "--delete", *names)


def tag(root: Path, name: str, commit: str, message: str) -> None:
    """An annotated tag, first in `origin` where there is one; LeptonError where it is taken, and then nowhere.

    Made without `git tag`, which would show it here before origin has it, and would sign it for who signs tags.
    """
    who = run(root, *_somebody(root), "var", "GIT_COMMITTER_IDENT")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tag"
        file.write_text(f"object {commit}\ntype commit\ntag {name}\ntagger {who}\n\n{message}\n", encoding="utf-8")
        made = run(root, "hash-object", "-t", "tag", "-w", str(file))
    put(root, f"refs/tags/{name}", made)
    if origin(root):  # which another run here may have fetched it from already
        run(root, "update-ref", f"refs/tags/{name}", made)


def _somebody(root: Path) -> tuple[str, ...]:
    """Who has not told git a name writes as lepton."""
    known = subprocess.run(["git", "-C", str(root), "config", "user.email"], capture_output=True, check=False).returncode == 0
    return () if known else ("-c", "user.name=lepton", "-c", "user.email=lepton@localhost")


def snapshot(root: Path, paths: Sequence[str]) -> str:
    """The tree of the present commit with `paths`, pathspecs, as they stand in the folder; the index stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        run(root, "read-tree", "HEAD", **index)
        there = [path for path in paths if run(root, "ls-files", "--cached", "--others", "--exclude-standard", "--", path)]
        run(root, "add", "--all", "--", *there, **index)
        return run(root, "write-tree", **index)


def committed(root: Path, paths: Sequence[str], message: str, others: Sequence[str] = ()) -> str:
    """A commit of that tree on top of the present one, and of others whose content it holds; on no branch yet."""
    parents = [word for parent in ("HEAD", *others) for word in ("-p", parent)]
    return run(root, *_somebody(root), "commit-tree", snapshot(root, paths), *parents, "-m", message)


def same_files(root: Path, commit: str, paths: Sequence[str]) -> bool:
    """Are these files, pathspecs, as they stand in the folder, those of a commit?"""
    return not run(root, "diff-tree", "-r", "--name-only", commit, snapshot(root, paths), "--", *paths)


@patiently
def put(root: Path, ref: str, commit: str) -> None:
    """Makes a new ref in `origin`, or here where there is none; LeptonError where it is taken."""
    if origin(root):
        run(root, "push", "--quiet", "--force-with-lease=" + ref + ":", "origin", f"{commit}:{ref}")
    else:
        run(root, "update-ref", ref, commit, "0" * 40)


@patiently
def branches(root: Path, prefix: str) -> list[tuple[str, str]]:
    """Branches here, or in `origin` where there is one, as (name, commit)."""
    if origin(root):
        lines = run(root, "ls-remote", "origin", f"refs/heads/{prefix}*").splitlines()
        found = [(ref, commit) for commit, ref in (line.split() for line in lines)]
        if found:
            run(root, "fetch", "--quiet", "origin", *(commit for _, commit in found))
    else:
        lines = run(root, "for-each-ref", "--format=%(refname) %(objectname)", f"refs/heads/{prefix}").splitlines()
        found = [(ref, commit) for ref, commit in (line.split() for line in lines)]
    return [(ref.removeprefix("refs/heads/"), commit) for ref, commit in found]


def history(root: Path, path: str, *also: str) -> list[tuple[str, str, str]]:
    """Every content that a file had in the history of what is checked out, and of other commits, as (commit, day, text).

    The oldest first, each content once, where it came up first.
    """
    lines = run(
        root, "log", "--reverse", "--date-order", "--full-history", "--format=%H %cs", "HEAD", *also, "--", path
    ).splitlines()
    found: dict[str, tuple[str, str, str]] = {}
    for commit, day in (line.split() for line in lines):
        if run(root, "ls-tree", commit, "--", path):  # a commit may have taken it away
            text = run(root, "show", f"{commit}:{path}")
            found.setdefault(text, (commit, day, text))
    return list(found.values())

"""Which version of the data a run begins with: that of the commit it is a clone of, or a newer one that earlier runs have made.

A run that takes in new data publishes the version that it made on a branch of its own, `retrain/<run>`; the branch that runs are
clones of knows nothing of it until somebody merges. So git says what holds what: the message of such a publication tells what was
`ingested`, its first parent is the commit that the run was a clone of, and where its data began with that of other publications,
these are its further parents. A version is the .dvc files of a commit.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from lepton.errors import LeptonError
from lepton.ops import git, refs

BRANCH = "retrain/"
FILES = ":(glob)*.dvc"


def newest(root: Path) -> list[str]:
    """Publications, all of one version, that hold new rows which the present commit lacks; empty: it lacks none.

    LeptonError where two versions hold what the other one lacks: no row that was taken in is left out without a word.
    """
    known = {commit: name for name, commit in sorted(refs.branches(root, BRANCH))}
    tips = git.run(root, "merge-base", "--independent", "HEAD", *known).split() if known else []
    ours, found = _version(root, "HEAD"), dict[str, list[str]]()
    for commit in [tip for tip in tips if tip in known and _grown(root, tip)]:
        theirs = _version(root, commit)
        common = [_version(root, base) for base in git.run(root, "merge-base", "--all", "HEAD", commit).split()]
        if theirs in (ours, *common):  # the present commit has it, or went on from it
            continue
        if ours not in common:
            raise LeptonError(_apart([known[commit]], "the commit that runs are clones of has other data by now"))
        found.setdefault(theirs, []).append(commit)
    if len(found) > 1:
        raise LeptonError(_apart(sorted(known[commits[0]] for commits in found.values()), "neither began with the other's"))
    return next(iter(found.values()), [])


def _version(root: Path, commit: str) -> str:
    """The .dvc files of a commit, with git's hashes of them."""
    return "\n".join(line for line in git.run(root, "ls-tree", commit).splitlines() if line.endswith(".dvc"))


def _grown(root: Path, commit: str) -> bool:
    """Does a publication hold rows that were taken in by its run, or by those that it began with?"""
    parents, _, message = git.run(root, "show", "--no-patch", "--format=%P%n%B", commit).partition("\n")
    try:
        return len(parents.split()) > 1 or "ingested" in json.loads(message.partition("\n\n")[2])
    except ValueError:
        return False  # a branch of somebody else's


def _apart(names: list[str], why: str) -> str:
    what, each = ("holds a version", "it") if len(names) == 1 else ("hold versions", "one after the other")
    return f"git: {' and '.join(names)} {what} of the data with new rows, and {why}. Merge {each}: docs/operate.md, New data."


def begin(root: Path) -> list[str]:
    """Gives a fresh clone the newest version's .dvc files; the publications that hold it, none where it is the clone's own."""
    if found := newest(root):
        git.run(root, "restore", f"--source={found[0]}", "--", FILES)
    return found


def check(root: Path, begun: Sequence[str]) -> None:
    """LeptonError where the data of `root`, about to be published, lacks what others have published since it began with `begun`."""
    if (late := [commit for commit in newest(root) if commit not in begun]) and not refs.same_files(root, late[0], [FILES]):
        name = next(name for name, commit in refs.branches(root, BRANCH) if commit == late[0])
        raise LeptonError(
            f"git: {name} holds new rows that this data lacks; nothing was published. Run again; in place, merge it first."
        )

"""Publishing a run: its data and outputs to DVC's remote, proof that nothing is missing there, then a commit, then git.

In this order a reader of git always finds what dvc.lock names; whatever is interrupted on the way leaves nothing that a reader
would see, and running again goes on from there. The commit stands on a branch of its own, `retrain/<run>`: neither the branch that
is checked out nor the index nor any file changes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from lepton.environment import home
from lepton.errors import LeptonError
from lepton.ops import dvc, git, refs, versions
from lepton.ops.versions import BRANCH

OWN = ("dvc.lock", "params.yaml", "*.dvc")  # all that a run may change


@dataclass(frozen=True)
class Published:
    """The commit that holds what stands here. branch: None for the one that is checked out; new: was it made just now?"""

    commit: str
    branch: str | None = None
    new: bool = False


def publish(root: Path, run: str, told: Mapping[str, Any], begun: Sequence[str] = ()) -> Published:
    """Publishes the project as it stands; what was published before stays where it is. told: the commit's message, as JSON.

    begun: publications that the run's data began with (`versions`). One publisher at a time on this machine; another one waits.
    LeptonError where code differs from the commit, DVC has no remote or something is missing on it, or git refuses; or where others
    have published data meanwhile that this lacks.
    """
    with FileLock(home(root) / "publish.lock"):
        if stray := [name for name in git.differing(root, "src") if not any(Path(name).match(own) for own in OWN)]:
            raise LeptonError(f"git: {', '.join(stray)} differ from the commit, and dvc.lock names them. Commit them first.")
        if dvc.remote(root) is None:
            raise LeptonError("dvc: there is no remote to publish to. Name one: dvc remote add --default storage FOLDER_OR_URL.")
        dvc.push(root)
        if missing := dvc.not_in_remote(root):
            raise LeptonError(f"dvc: {', '.join(missing)} did not arrive on the remote. Nothing was published; run again.")
        if refs.same_files(root, "HEAD", OWN):
            return Published(git.sha(root))
        if known := already(root):
            return known
        if begun or "ingested" in told:
            versions.check(root, begun)
        title = f"Retrained {run}: {told['gain']}" if "gain" in told else f"Retrained {run}"
        commit = refs.committed(root, OWN, f"{title}\n\n{json.dumps(told, indent=1, ensure_ascii=False)}\n", begun)
        refs.put(root, f"refs/heads/{BRANCH}{run}", commit)
        return Published(commit, f"{BRANCH}{run}", new=True)


def already(root: Path) -> Published | None:
    """The newest publication, if it holds what stands here; None where it does not, or there is none."""
    name, commit = max(refs.branches(root, BRANCH), default=("", ""))
    return Published(commit, name) if name and refs.same_files(root, commit, OWN) else None

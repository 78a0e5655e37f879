"""Where a run takes place, and the data that it begins with: in place, in a clone of what is pushed, or another project's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lepton.config import Params, load
from lepton.errors import LeptonError
from lepton.ops import dvc, git, projects, runs, versions

if TYPE_CHECKING:
    from lepton.ops.ingest import Arrived


@dataclass(frozen=True)
class Project:
    """Where a run takes place, and what it is asked to make."""

    root: Path
    params: Params
    own: bool = True  # params.yaml of the root itself, which alone has champions
    cloned: bool = False  # from what is pushed
    begun: Sequence[str] = ()  # publications that the data of a clone is from, where it is newer than the clone's commit
    arrived: "Arrived | None" = None  # new data that the run has taken in

    @property
    def data(self) -> Path:
        return self.params.data.path


def project(params: str, run: str | None = None) -> Project:
    """Validates the params file; one that is not the root's own params.yaml gets a clone of its own to run in.

    run: in a clone of the pushed commit, named so, whose own params.yaml counts.
    """
    root = Path.cwd()
    if run:
        if (root / params).resolve() != (root / "params.yaml").resolve():
            raise LeptonError(f"{params}: a run of the pushed commit is one of its own params.yaml. Leave out --params or --clone.")
        root = runs.fresh(root, run)
        return Project(root, load(root / "params.yaml"), cloned=True, begun=versions.begin(root))
    given = load(params)
    if (root / given.data.path).is_file():
        raise LeptonError(f"params.yaml: data.path: {given.data.path} is a file. Name its folder: {given.data.path.parent}.")
    if (root / params).resolve() != (root / "params.yaml").resolve():
        return Project(projects.clone(root, root / params, given.data.path), given, own=False)
    return Project(root, given)


def ingest(of: Project, run: str) -> Project:
    """Adds what has arrived at `ingest.source` of the folder that the run was started in to the data; Refusal where it is unfit."""
    from lepton.ops import ingest

    if not of.own:
        raise LeptonError("ingest: the data of a project beside the root's own is changed where it stands. Leave out --ingest.")
    arrived = ingest.take(of.root, Path(), of.params, run)
    if arrived:
        print(f"{arrived} …", flush=True)
    return replace(of, arrived=arrived)


def follow(of: Project) -> Project:
    """Brings a run in a clone to what is pushed by now, and its data to what runs of that begin with."""
    git.follow(of.root)
    of = replace(of, begun=versions.begin(of.root), arrived=None)
    if (of.root / f"{of.data.parts[0]}.dvc").exists():
        dvc.bring_data(of.root, Path(of.data.parts[0]))
    return of

"""Records: what a run leaves behind that is no value (seconds, hosts, run ids), found again by the stage's key."""

from pathlib import Path
from typing import Any

from lepton import files
from lepton.environment import home
from lepton.ops.lineage import stage_key


def path_of(stage: str, root: Path | None = None) -> Path:
    return home(root) / "records" / stage / f"{stage_key(stage, root)}.json"


def read(stage: str, root: Path | None = None) -> dict[str, Any]:
    """The record of the run that made this stage's present outputs; empty when it was made elsewhere."""
    path = path_of(stage, root)
    return files.read_json(path) if path.exists() else {}

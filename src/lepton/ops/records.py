"""Records: what a run leaves behind that is no value (seconds, hosts, run ids), found again by the stage's key.

And its last words, where it could not go on: why, for the message that the run ends with.
"""

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


def last_words() -> Path:
    """Where the last stage that ran here said why it could not go on: its name and the reason. Not there if it could."""
    return home() / "last-words.json"


def reason(stage: str) -> str | None:
    """The last words of this stage."""
    told = last_words()
    said = files.read_json(told) if told.exists() else {}
    return said["reason"] if said.get("stage") == stage else None

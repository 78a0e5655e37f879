"""Records: what a run leaves behind that is no value (seconds, hosts, run ids), found again by the stage's key.

And its last words, where it could not go on: why, for the message that the run ends with.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from lepton import files
from lepton.environment import OWNER, home
from lepton.errors import LeptonError
from lepton.ops.lineage import stage_key


def path_of(stage: str, root: Path | None = None) -> Path:
    return home(root) / "records" / stage / f"{stage_key(stage, root)}.json"


def read(stage: str, root: Path | None = None) -> dict[str, Any]:
    """The record of the run that made this stage's present outputs; empty when it was made elsewhere."""
    path = path_of(stage, root)
    return files.read_json(path) if path.exists() else {}


def last_words() -> Path:
    """Where a stage says why it cannot go on, for the message that its run ends with."""
    return home() / "last-words.json"


def leave_last_words(stage: str, reason: str) -> None:
    """As far as that is possible: where nothing can be written, the reason may be just that."""
    with suppress(LeptonError):
        files.write_json(last_words(), {"stage": stage, "run": os.environ.get(OWNER), "reason": reason})


def reason(stage: str) -> str | None:
    """The last words of this stage in this process's run; None where it left none, or another run's came since."""
    try:
        said = files.read_json(last_words())
    except (LeptonError, OSError, ValueError):
        return None
    return str(said["reason"]) if (said["stage"], said["run"]) == (stage, str(os.getpid())) else None

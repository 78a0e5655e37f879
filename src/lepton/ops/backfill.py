"""Models of the present params and code on past versions of the data, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lepton import files
from lepton.config import Params
from lepton.environment import home
from lepton.errors import LeptonError
from lepton.ops import dvc, gate, git, publishing, refs
from lepton.ops.champion import METRICS, MODEL


@dataclass(frozen=True)
class Version:
    """One version of the data. commit, day: where and when it came up first; text: of its .dvc file."""

    commit: str
    day: str
    text: str

    @property
    def key(self) -> str:
        """The start of its hash, as DVC has it."""
        return str(yaml.safe_load(self.text)["outs"][0]["md5"])[:8]


def file_of(params: Params) -> str:
    """The .dvc file of the data; LeptonError where DVC does not keep it."""
    if params.data.path.is_absolute() or ".." in params.data.path.parts:
        raise LeptonError(
            f"params.yaml: data.path: {params.data.path} is outside of the project, where no versions of it are kept."
        )
    return f"{params.data.path.parts[0]}.dvc"


def versions(root: Path, params: Params) -> list[Version]:
    """All that git knows of, on the branch that is checked out and on those that runs published; the oldest first."""
    published = [commit for _, commit in refs.branches(root, publishing.BRANCH)]
    return [Version(*one) for one in refs.history(root, file_of(params), *published)]


def clone(root: Path, params: Params, version: Version) -> Path:
    """The present commit with that version of the data, in a folder of its own that later backfills use again."""
    place = home(root) / "backfill" / version.key
    git.clone(root, place)
    dvc.share(root, place)
    (place / file_of(params)).write_text(f"{version.text}\n", encoding="utf-8")
    return place


def compare(places: Sequence[Path], params: Params) -> list[dict[str, Any]]:
    """Of every finished project: {rows, delta_m, bytes, own: {task: value}, newest: {task: value}}.

    own: its exported model on its own test split; newest: on that of the last one. Values are of each task's own metric.
    """
    test, inputs = gate.split(places[-1], params)
    found = []
    for place in places:
        measured = files.read_json(place / METRICS)
        answers, _ = gate.ask(place / MODEL, test, inputs, params)
        found.append(
            {
                "rows": files.read_json(place / "artifacts/prepare/summary.json")["splits"]["train"]["rows"],
                "delta_m": measured["delta_m"],
                "bytes": (place / MODEL).stat().st_size,
                "own": {name: one["compressed"] for name, one in measured["tasks"].items()},
                "newest": {name: one.measure()[params.tasks[name].metric] for name, one in answers.items()},
            }
        )
    return found

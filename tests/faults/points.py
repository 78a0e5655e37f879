"""The fault points: where a run is killed. `inject/sitecustomize.py` says what the keys mean."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Point:
    """name: what was under way; kill: where; clone: is the run in a clone, or in place?"""

    name: str
    kill: dict[str, Any] = field(hash=False)
    clone: bool = True

    def __str__(self) -> str:
        return f"{self.name}, {'clone' if self.clone else 'in place'}"


def flow(name: str, at: str, when: str, *, clone: bool = True, **more: Any) -> Point:
    return Point(name, {"process": "flow", "at": at, "when": when, **more}, clone)


IN_STAGE = {"process": "toy side", "at": "pathlib:Path.write_text", "when": "half", "argument": 0, "match": "artifacts"}

TOY = [
    Point("in a stage, half of its output written", IN_STAGE),
    Point("in a stage, half of its output written", IN_STAGE, clone=False),
    flow("writing dvc.lock", "dvc.utils.serialize._common:_dump_data", "half", argument=0, match="schema", clone=False),
    flow("writing DVC's list of locks", "json:dump", "half", argument=1, match="rwlock", call=3, clone=False),
    flow("writing DVC's run cache", "dvc.utils.serialize._yaml:dump_yaml", "before", match="/runs/"),
    flow("between stages", "lepton.ops.dvc:reproduce", "after", call=2),
    flow("between stages", "lepton.ops.dvc:reproduce", "after", call=2, clone=False),
    flow("cloning", "lepton.ops.git:clone", "after"),
    flow("dvc push, half of a file sent", "dvc_objects.fs.utils:copyfile", "half", argument=1, match="/remote/", call=2),
    flow("between dvc push and commit", "lepton.ops.dvc:not_in_remote", "after"),
    flow("between commit and git push", "lepton.ops.refs:committed", "after"),
    flow("between commit and git push", "lepton.ops.refs:committed", "after", clone=False),
    flow("between git push and tagging", "lepton.ops.refs:put", "after", match="refs/heads/"),
    flow("tagging, the tag made but nowhere", "lepton.ops.refs:put", "before", match="refs/tags/"),
    flow("tagging, the tag in origin alone", "lepton.ops.refs:put", "after", match="refs/tags/"),
    flow("tagging, the tag in origin alone", "lepton.ops.refs:put", "after", match="refs/tags/", clone=False),
    flow("writing the page", "pathlib:Path.write_text", "half", argument=0, match="index.html", clone=False),
]

DROPS = [
    flow("taking in new data, written and not added", "lepton.ops.ingest:_Data.write", "after"),
    flow("taking in new data, written and not added", "lepton.ops.ingest:_Data.write", "after", clone=False),
    flow("taking in new data, published and not put away", "lepton.ops.drops:consume", "before"),
]

TRAINING = {"process": "lepton.stages.train"}
STARTER = [
    Point("in the middle of an epoch", TRAINING | {"at": "lepton.training.loop:Trainer._step", "when": "before", "call": 12}),
    Point("in an epoch, the flow alone", TRAINING | {"at": "lepton.training.loop:Trainer._step", "when": "owner", "call": 12}),
    Point("writing a checkpoint", TRAINING | {"at": "torch.serialization:save", "when": "half", "argument": 1, "call": 2}),
    flow("in the gate, one model measured", "lepton.ops.gate:ask", "after"),
    flow("writing the page", "pathlib:Path.write_text", "half", argument=0, match="index.html"),
]

QUICK = [point for point in TOY if str(point) == "tagging, the tag in origin alone, clone"]  # the one that every run tries


def passed(name: str, at: str, **more: Any) -> dict[str, Any]:
    return {"process": "flow", "at": at, "when": "note", "name": name, **more}


PASSED = [  # what a run that is killed at any moment has begun last
    passed("looking for the project", "flows.places:project"),
    passed("asking DVC", "lepton.ops.dvc:plan"),
    passed("a stage", "lepton.ops.dvc:reproduce"),
    passed("the proof", "flows.steps:prove"),
    passed("dvc push", "lepton.ops.dvc:push"),
    passed("the proof of the remote", "lepton.ops.dvc:not_in_remote"),
    passed("the commit", "lepton.ops.refs:committed"),
    passed("git push", "lepton.ops.refs:put"),
    passed("tagging", "lepton.ops.refs:tag"),
    passed("the page", "flows.steps:page"),
    passed("the conclusion", "flows.steps:conclude"),
]

"""Where a number comes from and where it went: from a metric, file, hash, champion or commit back to the data and on to champions.

All of it is read from dvc.lock, here or as a commit has it: a stage's outputs, and the hashes and parameters that made them.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from lepton import files
from lepton.environment import home
from lepton.errors import LeptonError
from lepton.ops import champion, git, records
from lepton.ops.locked import HERE, Hashes, View, at, here, views


@dataclass(frozen=True)
class Found:
    """What was asked for: outputs or data, by path and hash. key, value: of a metric in them; also: where else it stands."""

    view: View
    what: Hashes
    key: str = ""
    value: Any = None
    also: Sequence[str] = ()


def find(root: Path, what: str) -> Found:
    """A name that a person would say, in the project as it stands, then among champions, branches and commits."""
    now = here(root)
    if what == "champion" or re.fullmatch(rf"{champion.PREFIX}\d+", what):
        one = champion.find(root, int(what.rpartition("/")[2]) if "/" in what else None)
        return _model_of(at(root, one.tag, one.commit))
    if found := _by_path(now, champion.MODEL if what == "model" else what) or _by_metric(root, now, what):
        return found
    if re.fullmatch(r"[0-9a-f]{4,32}(\.dir)?", what):
        for view in [now, *views(root)[0]]:
            if held := {path: digest for path, digest in view.all().items() if digest.startswith(what)}:
                return Found(view, held)
    try:
        commit = git.run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{what}^{{commit}}")
    except LeptonError:
        raise LeptonError(f"{what}: nothing here has this name.{_nearest(root, now, what)}") from None
    return _model_of(at(root, what, commit))


def _model_of(view: View) -> Found:
    held = view.all()
    return Found(view, {champion.MODEL: held[champion.MODEL]} if champion.MODEL in held else held)


def _by_path(view: View, what: str) -> Found | None:
    if what in view.stages:
        return Found(view, view.outs(what))
    asked = PurePosixPath(what)
    held = {path: digest for path, digest in view.all().items() if PurePosixPath(path).parts[-len(asked.parts) :] == asked.parts}
    return Found(view, held) if held and asked.parts else None


def _metrics(root: Path, view: View) -> Iterator[tuple[str, str, Any]]:
    """(path, dotted key, value) of all JSON outputs, the most downstream stage's first."""
    for stage in reversed(list(view.stages)):
        for path in view.outs(stage):
            if path.endswith(".json") and (root / path).exists():
                yield from ((path, key, value) for key, value in _nodes(files.read_json(root / path)))


def _nodes(value: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    for name, part in value.items() if isinstance(value, dict) else ():
        key = f"{above}.{name}" if above else name
        yield key, part
        yield from _nodes(part, key)


def _by_metric(root: Path, view: View, what: str) -> Found | None:
    """The metric of that name in the most downstream file, at the shortest key."""
    matches = [one for one in _metrics(root, view) if one[1] == what or one[1].endswith(f".{what}")]
    if not matches:
        return None
    path, key, value = min((one for one in matches if one[0] == matches[0][0]), key=lambda one: one[1].count("."))
    also = [f"{other}: {there}" for other, there, _ in matches if (other, there) != (path, key)]
    return Found(view, {path: view.all()[path]}, key, value, also)


def _nearest(root: Path, view: View, what: str) -> str:
    named = {"model", "data", *view.stages, *view.all(), *(PurePosixPath(path).name for path in view.all())}
    named |= {one.tag for one in champion.history(root)}
    for _, key, _ in _metrics(root, view):
        named |= {key, key.rpartition(".")[2]}
    close = difflib.get_close_matches(what, sorted(named - {what}), 1, 0.5)
    return f" Did you mean {close[0]}?" if close else " Name a metric, a stage, an output, a hash, a champion or a commit."


@dataclass(frozen=True)
class Step:
    """One stage on the way back.

    params: those that no stage before it reads. commit: the last one that changed its code; changed: files that differ from it now.
    record: of the run that made the outputs, where it is on this machine, with its W&B run's id, seconds and end (UTC seconds).
    """

    stage: str
    outs: Hashes
    reads: Sequence[str]
    data: Hashes
    params: Mapping[str, Any]
    commit: str
    changed: Sequence[str]
    record: str | None = None
    wandb: str | None = None
    seconds: float | None = None
    ended: float | None = None


@dataclass(frozen=True)
class Trace:
    """back: the stages that it comes from, the nearest first. outputs, champions, branches: what was made from it, or has it."""

    what: str
    found: Found
    back: Sequence[Step]
    outputs: Hashes
    champions: Sequence[Mapping[str, Any]]
    branches: Sequence[Mapping[str, Any]] = field(default_factory=list)
    trouble: str = ""

    def to_dict(self) -> dict[str, Any]:
        view = self.found.view
        told = {"what": self.what, "in": view.name, "commit": view.commit, "paths": self.found.what}
        if self.found.key:
            told |= {"key": self.found.key, "value": self.found.value, "also": list(self.found.also)}
        forward = {"outputs": self.outputs, "champions": list(self.champions), "branches": list(self.branches)}
        back = {"data": view.data, "stages": [vars(step) for step in self.back]}
        return {**told, "back": back, "forward": forward | ({"trouble": self.trouble} if self.trouble else {})}


def trace(root: Path, what: str) -> Trace:
    """LeptonError where nothing is called so; it names the nearest that is."""
    found = find(root, what)
    view, now = found.view, here(root)
    makers = {stage for path in found.what if (stage := view.maker(path)) and not view.raw(path)}
    ahead = view.after(makers) if makers else list(view.stages)
    known, trouble = views(root)
    wanted = set(found.what.values())
    same = [other for other in known if wanted & set(other.all().values())]
    told = {one.tag: one.told for one in champion.history(root)}
    return Trace(
        what,
        found,
        [_step(root, view, now, stage) for stage in reversed(view.behind(makers))],
        {path: digest for stage in ahead for path, digest in view.outs(stage).items()},
        [
            {"tag": one.name, "commit": one.commit, **{key: told[one.name][key] for key in ("at", "how", "model", "data")}}
            for one in same
            if one.name in told
        ],
        [{"branch": one.name, "commit": one.commit, "data": one.data} for one in same if one.name not in told],
        trouble,
    )


def _step(root: Path, view: View, now: View, stage: str) -> Step:
    block, code = view.stages[stage], view.code(stage)
    earlier = [view.params(other) for other in view.behind({stage}) if other != stage]
    params = {key: value for key, value in view.params(stage).items() if not any(key in others for others in earlier)}
    record = {}
    if now.stages.get(stage) == block:  # a record is found by the files as they stand here
        record = records.read(stage, root)
    return Step(
        stage,
        view.outs(stage),
        view.reads(stage),
        {dep["path"]: dep["md5"] for dep in block.get("deps", []) if view.raw(dep["path"])},
        params,
        git.run(root, "log", "-1", "--format=%H", view.commit, "--", *code) if code else "",
        git.changed_since(root, view.commit, *code) if code and view.name == HERE else [],
        str(records.path_of(stage, root).relative_to(home(root).parent)) if record else None,
        (record.get("wandb") or {}).get("id"),
        record.get("seconds"),
        record.get("ended"),
    )

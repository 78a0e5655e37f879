"""The champion: the model in use, as an annotated git tag `champion/<n>` whose message is JSON. The highest number is the one.

Its commit holds dvc.lock, and so the hashes of data and model. Nothing is ever deleted: going back is a new tag on an old commit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from lepton import files
from lepton.errors import LeptonError
from lepton.ops import dvc, git, refs
from lepton.ops.lineage import hashes
from lepton.ops.network import patiently

PREFIX = "champion/"
MODEL = "artifacts/compress/model.onnx"
PARAMS = "params.yaml"
METRICS = "artifacts/evaluate/metrics.json"


@dataclass(frozen=True)
class Champion:
    """told: when (UTC), how (`gate`, `by hand` or `rollback to champion/<n>`), hashes of model and data, metrics, decision."""

    number: int
    commit: str
    told: Mapping[str, Any]

    @property
    def tag(self) -> str:
        return f"{PREFIX}{self.number}"


def history(root: Path) -> list[Champion]:
    """All champions, the first one first. Tags whose message is not one of ours are somebody else's."""
    found = []
    for name, commit, message in refs.tags(root, f"{PREFIX}*"):
        number, told = name.removeprefix(PREFIX), _told(message)
        if number.isdigit() and told:
            found.append(Champion(int(number), commit, told))
    return sorted(found, key=lambda one: one.number)


def _told(message: str) -> dict[str, Any]:
    """What a tag's message tells; empty where it is none of ours."""
    try:
        told = json.loads(message)
    except ValueError:
        return {}
    return told if isinstance(told, dict) and told.keys() >= {"at", "how", "model", "data", "metrics"} else {}


def refresh(root: Path) -> None:
    """Brings the champions that `origin` knows of; LeptonError where it cannot be asked."""
    refs.fetch_tags(root, f"{PREFIX}*")


def current(root: Path) -> Champion | None:
    known = history(root)
    return known[-1] if known else None


def find(root: Path, number: int | None = None) -> Champion:
    """That of a number, or the present one. LeptonError where there is none."""
    known = {one.number: one for one in history(root)}
    if not known:
        raise LeptonError("there is no champion yet. A run that the gate lets through becomes it: lepton champion promote.")
    if number is not None and number not in known:
        raise LeptonError(f"there is no {PREFIX}{number}; there are 1 to {max(known)}. See: lepton champion list.")
    return known[max(known) if number is None else number]


def promote(root: Path, how: str, decision: Mapping[str, Any], commit: str | None = None) -> Champion:
    """Makes what is up to date in `root` the champion, if that which it was measured beside still is, and it is not its model.

    commit: that which holds it, published; None: the present one, if it does, whose outputs then go to the remote.
    """
    patiently(refresh)(root)
    now = current(root)
    if now and now.told["model"] == hashes(root).get(MODEL):  # perhaps since another run has come to the same one meanwhile
        return now
    if (now.tag if now else None) != decision.get("champion"):
        raise LeptonError(f"{now.tag if now else 'nobody'} is the champion by now. Run again, to be measured beside it.")
    if commit is None and (changed := git.differing(root, "dvc.lock", "*.dvc", "src")):
        raise LeptonError(f"git: {', '.join(changed)} differ from the commit, which a champion is known by. Commit them first.")
    if left := dvc.differences(root):
        raise LeptonError(f"dvc: {', '.join(left)} are not up to date. Bring them there: make run.")
    if commit is None and dvc.remote(root):
        dvc.push(root)
    measured = files.read_json(root / METRICS)
    told = {
        "how": how,
        "data": _data(root),
        "model": hashes(root)[MODEL],
        "metrics": {name: {"metric": one["metric"], "value": one["compressed"]} for name, one in measured["tasks"].items()},
        "decision": dict(decision),
    }
    return _tagged(root, commit or git.sha(root), told, now)


def rollback(root: Path, to: int | None = None) -> Champion:
    """Makes an earlier champion, by default the last one with another model, the champion again."""
    refresh(root)
    now = find(root)
    others = [one.number for one in history(root) if one.told["model"] != now.told["model"]]
    if to is None and not others:
        raise LeptonError(f"{now.tag} is the first champion: there is none before it.")
    earlier = find(root, to if to is not None else others[-1])
    if earlier.commit == now.commit and earlier.told["model"] == now.told["model"]:
        raise LeptonError(f"{earlier.tag} is what {now.tag} is already. Name another one: lepton champion list.")
    return _tagged(root, earlier.commit, {**earlier.told, "how": f"rollback to {earlier.tag}"}, now)


def since(root: Path, one: Champion) -> list[tuple[str, str, str]]:
    """What a model of the present project was made from that the champion was not: (what, then, now)."""
    found: list[tuple[str, str, str]] = []
    data, now = one.told["data"], _data(root)
    if data != now:
        found.append(("data", (data or "none")[:8], (now or "none")[:8]))
    before, after = (
        _flat(yaml.safe_load(text)) for text in (git.show(root, one.commit, PARAMS), (root / PARAMS).read_text("utf-8"))
    )
    for key in sorted({*before, *after}):
        was, is_now = (str(values.get(key, "left out")) for values in (before, after))
        if was != is_now:
            found.append((key, was, is_now))
    if code := git.changed_since(root, one.commit, "src", "dvc.yaml"):
        found.append(("code", one.commit[:8], "1 file differs" if len(code) == 1 else f"{len(code)} files differ"))
    return found


def _flat(node: Any, above: str = "") -> dict[str, Any]:
    """Dotted key -> value of all that is no block."""
    if not isinstance(node, dict):
        return {above: node}
    return {
        key: value for name, part in node.items() for key, value in _flat(part, f"{above}.{name}" if above else str(name)).items()
    }


def _data(root: Path) -> str | None:
    """The hash of the data's present version; None where DVC does not keep it."""
    params = yaml.safe_load((root / PARAMS).read_text(encoding="utf-8"))
    return hashes(root).get(Path(params["data"]["path"]).parts[0])


def _tagged(root: Path, commit: str, told: Mapping[str, Any], now: Champion | None) -> Champion:
    """The champion after `now`."""
    one = Champion(now.number + 1 if now else 1, commit, {**told, "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"})
    refs.tag(root, one.tag, commit, json.dumps(one.told, indent=1, ensure_ascii=False, allow_nan=False))
    return one


def pull(root: Path, to: Path, number: int | None = None) -> Champion:
    """Writes the model of a champion, by default the present one, to the file `to`, from DVC's cache or its remote."""
    one = find(root, number)
    content = read(root, one, MODEL)
    files.write(to, lambda temporary: temporary.write_bytes(content))
    return one


def read(root: Path, one: Champion, path: str) -> bytes:
    """An output of the champion."""
    try:
        return dvc.read(root, one.commit, path)
    except LeptonError as error:
        raise LeptonError(f"{one.tag}: {path} is neither in DVC's cache nor on its remote ({error}).") from None

"""What the flows need of DVC: its graph, what there is to do, one stage at a time, and proof that nothing is missing.

DVC runs in this process (0.2 s a question instead of 2); the stages' commands run as processes of their own.
"""

import math
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lepton.environment import OWNER
from lepton.errors import LeptonError
from lepton.ops import children
from lepton.ops.network import patiently
from lepton.ops.repository import opened

How = Literal["ran", "cached", "unchanged"]
INTERRUPTED = (130, -signal.SIGINT)  # exit codes after Ctrl-C: a stage's own, and that of one that was still importing
AGAIN = "interrupted. Run again: what was finished is not repeated."


class StageFailed(LeptonError):
    """A stage's command ended with an exit code that is not 0."""

    def __init__(self, stage: str, code: int):
        self.interrupted = code in INTERRUPTED
        how = AGAIN if self.interrupted else f"ended with exit code {code}; its own message stands above."
        super().__init__(how)
        self.stage = stage
        self.code = code


class TookTooLong(LeptonError):
    """A stage was ended at its limit."""


@dataclass(frozen=True)
class Plan:
    """The graph, and what in it has something to do. Names are DVC's."""

    stages: list[str]  # upstream first
    todo: list[str]  # those that differ from dvc.lock and all that is downstream of them
    data: list[str]  # .dvc files whose data has changed


@contextmanager
def _environment(root: Path) -> Iterator[None]:
    """Stages run on this process's Python and on the code that DVC hashes, wherever lepton is installed from, and end with it."""
    before = {name: os.environ.get(name) for name in ("PATH", "PYTHONPATH", OWNER)}
    first = {"PATH": os.path.dirname(sys.executable), "PYTHONPATH": str(root / "src")}
    for name, ours in first.items():
        os.environ[name] = os.pathsep.join(filter(None, (ours, before[name])))
    os.environ[OWNER] = str(os.getpid())
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def plan(root: Path) -> Plan:
    """Asks DVC once what there is to do."""
    import networkx as nx
    from dvc.stage import PipelineStage

    with opened(root) as repo:
        downstream = repo.index.graph.reverse()
        place = {stage: number for number, stage in enumerate(repo.index.stages)}
        ordered = list(nx.lexicographical_topological_sort(downstream, key=place.__getitem__))
        changed = repo.status()
        todo = set()
        for stage in ordered:
            if stage.addressing in changed:
                todo |= {stage, *nx.descendants(downstream, stage)}
        return Plan(
            stages=[stage.addressing for stage in ordered if isinstance(stage, PipelineStage)],
            todo=[stage.addressing for stage in ordered if isinstance(stage, PipelineStage) and stage in todo],
            data=[stage.addressing for stage in ordered if stage.is_data_source and stage.addressing in changed],
        )


def reproduce(root: Path, stage: str, minutes: float = math.inf) -> How:
    """Brings `stage` up to date; its output goes to the terminal. StageFailed when its command fails.

    minutes: that it may take; TookTooLong when it did, and was ended.
    """
    from dvc.exceptions import ReproductionError

    restored: list[str] = []
    with opened(root) as repo, _environment(root), children.ended(minutes) as late:
        restore_of, load_of = repo.stage_cache.restore, repo.stage_cache._load

        def restore(stage: Any, **options: Any) -> None:
            restore_of(stage, **options)
            restored.append(stage.addressing)

        def load(stage: Any) -> Any:
            with suppress(TypeError):  # a folder without an entry, which a kill leaves between making it and filling it
                return load_of(stage)

        repo.stage_cache.restore = restore  # DVC says only in its log whether a stage came from its run cache
        repo.stage_cache._load = load
        try:
            done = {stage.addressing for stage in repo.reproduce(targets=[stage])}
        except ReproductionError as error:
            if late.is_set():
                raise TookTooLong(f"took more than {minutes:g} minutes and was ended; see limits in params.yaml.") from None
            if code := re.search(r"exited with (-?\d+)$", str(error.__cause__)):
                raise StageFailed(stage, int(code[1])) from None
            raise
    if stage not in done:
        return "unchanged"
    return "cached" if stage in restored else "ran"


def restore(root: Path, stage: str) -> bool:
    """Puts back the outputs that dvc.lock has for `stage`; False when there are none, or not whole, in the cache."""
    with opened(root) as repo:
        (found,) = repo.stage.collect(stage)
        if not found.outs or any(out.use_cache and out.changed_cache() for out in found.outs):
            return False
        repo.checkout(targets=[stage], force=True)
        return True


def differences(root: Path, stages: list[str] | None = None) -> dict[str, list[Any]]:
    """What DVC still finds to do; empty when every output is there and as dvc.lock has it."""
    with opened(root) as repo:
        return dict(repo.status(targets=stages))


def add(root: Path, path: Path) -> None:
    """Makes what stands in `path` now the version of the data."""
    with opened(root) as repo:
        repo.add(str(path))


@dataclass(frozen=True)
class Remote:
    """url: absolute where it is a folder."""

    name: str
    url: str


def remote(root: Path) -> Remote | None:
    """The default remote, if there is one."""
    with opened(root) as repo:
        name = repo.config["core"].get("remote")
        if name and name not in repo.config["remote"]:
            raise LeptonError(f"dvc: core.remote is {name!r}, which is nowhere. Add it: dvc remote add {name} FOLDER_OR_URL.")
        return Remote(name, str(repo.config["remote"][name]["url"])) if name else None


def share(root: Path, place: Path) -> None:
    """Gives the clone in `place` the cache of `root`, what is set on this machine alone, and default remotes beside it."""
    with opened(root) as repo:
        own, cache, config = repo.config.load_one("local"), repo.cache.local_cache_dir, repo.config
        there = {name: {"url": one["url"]} for name, one in config["remote"].items() if Path(str(one["url"])).is_absolute()}
    with opened(place) as repo, repo.config.edit("local", validate=False) as told:
        for section, values in own.items():
            told[section] = {**told.get(section, {}), **values}
        told["cache"] = {**told["cache"], "dir": cache}
        told["remote"] = {name: {**there.get(name, {}), **told["remote"].get(name, {})} for name in {**there, **told["remote"]}}


@patiently
def push(root: Path) -> None:
    """Sends the data and all outputs, as the project's files have them now, to the default remote."""
    with opened(root) as repo:
        repo.push()


@patiently
def not_in_remote(root: Path) -> list[str]:
    """What the default remote lacks of the data and all outputs."""
    with opened(root) as repo:
        return sorted(repo.data_status(not_in_remote=True, remote_refresh=True, untracked_files="no").get("not_in_remote", []))


def read(root: Path, commit: str, path: str) -> bytes:
    """A file as a commit has it, from the cache, else from the remote."""
    from dvc.api import DVCFileSystem

    with opened(root):
        content: bytes = DVCFileSystem(str(root), rev=commit).read_bytes(path)
        return content


def get(root: Path, commit: str, path: str, to: Path) -> None:
    """Writes a folder as a commit has it, from the cache, else from the remote, to a place that is not there yet."""
    from dvc.api import DVCFileSystem

    with opened(root):
        DVCFileSystem(str(root), rev=commit).get(path, str(to), recursive=True)


def md5(root: Path, commit: str, path: str) -> str:
    """The hash of a file of the data, or of a stage's, as a commit has it; the file itself is not read."""
    from dvc.api import DVCFileSystem

    with opened(root):
        return str(DVCFileSystem(str(root), rev=commit).info(path)["dvc_info"]["md5"])


def bring_data(root: Path, path: Path) -> str:
    """Brings `path` back as its .dvc file has it, from the cache, else from the remote; empty, or why that cannot be done."""
    file = str(path.with_name(f"{path.name}.dvc"))
    if restore(root, file):
        return ""
    try:
        with opened(root) as repo:
            repo.fetch(targets=[file])
        return "" if restore(root, file) else "neither DVC's cache nor its remote has it whole"
    except LeptonError as error:
        return f"DVC's cache does not have it whole, and {error}"


def version_of(root: Path, folder: Path) -> str:
    """The hash that DVC gives what stands in a folder; it need not keep it."""
    from dvc.fs import localfs
    from dvc_data.hashfile.build import build

    with opened(root) as repo:
        *_, found = build(repo.cache.local, str(folder), localfs, "md5", dry_run=True)
        return str(found.hash_info.value)

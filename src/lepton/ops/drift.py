"""The newest data beside the training snapshot: where both are found, and what was said of them, so that nothing is said twice.

Each comparison is a folder `<home>/drift/<utc>-<window>/` with report.json, which holds shares and measures, no sample and no id.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import yaml

from lepton import files
from lepton.config import Params
from lepton.data import drift
from lepton.data.table import read_table
from lepton.environment import home
from lepton.errors import LeptonError
from lepton.ops import champion, drops, dvc, git
from lepton.ops.champion import Champion
from lepton.types import Source

TABLE = "samples.parquet"
KEPT = 100  # reports of the latest windows
Found = Mapping[str, drift.Described]


@dataclass(frozen=True)
class Window:
    """name: for people; key: a hash of its bytes; tables: Parquet files. added: only the rows of it that the snapshot lacks."""

    name: str
    key: str
    tables: Sequence[Path]
    added: bool = False


@dataclass(frozen=True)
class Snapshot:
    """What the model in use was trained on: the champion's data, or the present one where there is no champion."""

    name: str
    key: str
    champion: Champion | None


def key_of(*paths: Path) -> str:
    """One hash of the content of files."""
    return hashlib.sha256("".join(digest(path, "sha256") for path in paths).encode()).hexdigest()


def digest(path: Path, how: str) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, how).hexdigest()
    except OSError as error:
        raise LeptonError(f"{path}: cannot be read ({error.strerror}). Was it taken in meanwhile? Look again.") from None


def snapshot(root: Path, params: Params, own: bool) -> Snapshot:
    """own: is it the project of the root's params.yaml, which alone has champions?"""
    reigning = champion.current(root) if own else None
    if reigning and reigning.told["data"]:
        return Snapshot(reigning.tag, str(reigning.told["data"]), reigning)
    table = root / params.data.path / TABLE
    return Snapshot(str(params.data.path), key_of(table) if table.exists() else "", None)


def newest(root: Path, params: Params, since: Snapshot, given: str | None = None) -> Window | None:
    """The window to look at: `given`, or what drift.window names, or what waits, or what the data holds beyond the snapshot.

    None: nothing new. LeptonError: there are no tables where one was named.
    """
    if named := given or params.drift.window:
        found = tables(root / named)
        if not found:
            raise LeptonError(f"{named}: holds no {TABLE}, nor folders with one. Name a Parquet file or a folder of some.")
        return Window(named, key_of(*found), found)
    if (source := params.ingest.source) and (found := tables(root / source)):
        return Window(source, key_of(*found), found)
    table = root / params.data.path / TABLE
    if since.champion is None or not table.exists() or _same(root, since.champion, table):
        return None
    return Window(f"{params.data.path} that {since.name} lacks", key_of(table), [table], added=True)


def _same(root: Path, one: Champion, table: Path) -> bool:
    """Is it the very table that the champion was made from?"""
    then = dvc.md5(root, one.commit, f"{_data_of(root, one)}/{TABLE}")
    return digest(table, "md5") == then


def _data_of(root: Path, one: Champion) -> str:
    """data.path, as the champion had it."""
    return str(yaml.safe_load(git.show(root, one.commit, champion.PARAMS))["data"]["path"])


def tables(place: Path) -> list[Path]:
    """A Parquet file itself; of a folder its samples.parquet, or those of its subfolders, without what is still being written."""
    if place.is_file():
        return [place]
    return [drop.folder / TABLE for drop in drops.find(str(place), Path(), Path())]


def read(path: Path, params: Params) -> pd.DataFrame:
    """A table that may lack labels, and the group that a split needs."""
    try:
        names = set(pq.read_schema(path).names)
    except (OSError, ValueError):
        names = set()  # what is wrong with it is said when it is read
    tasks = {name: task for name, task in params.tasks.items() if task.column in names}
    data = params.data.model_copy(update={"split": params.data.split.model_copy(update={"group": None})})
    return read_table(path.parent, path.stem, params.model_copy(update={"tasks": tasks, "data": data}))


@contextmanager
def opened(root: Path, params: Params, one: Snapshot) -> Iterator[Path]:
    """The snapshot's table, with the files that it names beside it; a champion's is there for the length of the block."""
    if one.champion is None:
        yield root / params.data.path / TABLE
        return
    path = _data_of(root, one.champion)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "data"
        try:
            dvc.get(root, one.champion.commit, path, place)
        except LeptonError as error:
            raise LeptonError(f"{one.name}: {path} is neither in DVC's cache nor on its remote ({error}).") from None
        yield place / TABLE


def compare(root: Path, params: Params, since: Snapshot, window: Window) -> dict[str, Any]:
    """The report, as it is written."""
    with opened(root, params, since) as path:
        try:
            before = read(path, params)
            then = _described(path, before, params)
        except LeptonError as error:  # names where it was brought to
            raise LeptonError(str(error).replace(str(path.parent), since.name)) from None
    found: list[Found] = []
    rows = 0
    for path in window.tables:
        table = read(path, params)
        if window.added:
            table = table[~table[params.data.id].isin(before[params.data.id])]
        rows += len(table)
        if len(table):
            found.append(_described(path, table, params))
    report = drift.compare(then, drift.joined(found), params.drift) if found else drift.Report([], [], {})
    return {
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
        "window": {"name": window.name, "key": window.key, "rows": rows},
        "snapshot": {"name": since.name, "key": since.key, "rows": len(before)},
        "settings": settings(params),
        "told": [],
        **report.to_dict(),
    }


def _described(path: Path, table: pd.DataFrame, params: Params) -> Found:
    try:
        return drift.describe(table, params, Source(path.parent, params.input.size))
    except LeptonError as error:
        raise LeptonError(f"{path}: {error}") from None


def settings(params: Params) -> str:
    """A hash of all of params.yaml that a report depends on."""
    told = [params.drift.model_dump(mode="json"), *(kind.model_dump(mode="json") for kind in params.inputs.values())]
    told += [{name: task.model_dump(mode="json")} for name, task in params.tasks.items()]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def reports(root: Path) -> list[Path]:
    """Those of all windows that were looked at, the oldest first."""
    return sorted((home(root) / "drift").glob("*/report.json"))


def known(root: Path, params: Params, since: Snapshot, window: Window) -> Path | None:
    """The report on this window beside this snapshot, by these params, if it was looked at before."""
    wanted = (window.key, since.key, settings(params))
    for path in reversed(reports(root)):
        told = files.read_json(path)
        if (told["window"]["key"], told["snapshot"]["key"], told["settings"]) == wanted:
            return path
    return None


def write(root: Path, report: Mapping[str, Any]) -> Path:
    """Writes a report into a folder of its own, the oldest of which go; returns its path."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z-{report['window']['key'][:8]}"
    path = home(root) / "drift" / name / "report.json"
    files.write_json(path, report)
    for old in reports(root)[:-KEPT]:
        shutil.rmtree(old.parent)
    return path


def was_told(root: Path, window: str, listener: str) -> bool:
    """Has `listener`, a server's address, heard that the window of this key drifts?"""
    return any(told["window"]["key"] == window and listener in told["told"] for told in map(files.read_json, reports(root)))


def tell(path: Path, listener: str) -> None:
    """Writes down that it has."""
    report = files.read_json(path)
    files.write_json(path, {**report, "told": [*report["told"], listener]})

"""New data: drops that are fit join the data as one new version; unfit ones go into quarantine, and the data stays as it is.

Nothing is written before all drops are known to be fit. The same drop again changes nothing, so whatever is interrupted on the way
is done again by the next run, and the drops themselves stay where they are until the run knows how it ends (`drops`).
"""

import filecmp
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pyarrow as pa

from lepton import files
from lepton.blocks import Input, Task
from lepton.config import Params
from lepton.data import checks, merge
from lepton.data.expected import DISTINCT, ROWS
from lepton.data.table import read_arrow, tasks_of
from lepton.errors import LeptonError, Refusal
from lepton.ops import drops, dvc
from lepton.ops.drops import Drop
from lepton.types import Source

WHOLE = (ROWS, DISTINCT)  # of what `validate` asks: only the whole table can answer, and that is asked again by the stage


class Unfit(Refusal):
    """A drop that stays out; failed: checks."""

    def __init__(self, reason: str, failed: list[checks.Failure] | None = None):
        super().__init__(reason)
        self.failed = failed or []


@dataclass(frozen=True)
class Arrived:
    """What a run has taken in. before: the text of the data's .dvc file until then; empty where the drops held nothing new."""

    drops: list[Drop]
    added: int = 0  # rows
    replaced: int = 0
    before: str = ""

    @property
    def news(self) -> bool:
        return bool(self.before)

    def __str__(self) -> str:
        names = ", ".join(drop.name for drop in self.drops)
        return f"ingested {names} ({f'{self.added:,} new rows, {self.replaced:,} replaced' if self.news else 'nothing new'})"


@dataclass
class _Data:
    """The data, and what joins it: tables by name, and of media the file that each name is copied from."""

    folder: Path
    params: Params
    tables: dict[str, pa.Table]
    media: dict[str, Path]
    added: int = 0  # rows
    replaced: int = 0

    def file(self, name: str) -> Path:
        return self.media.get(name, self.folder / name)

    def add(self, drop: Drop, view: Path) -> None:
        """Takes in a drop, or leaves all as it is and raises Unfit. view: a folder to show media in, to those who check."""
        names = [name for name in ("samples", "new_tasks") if (drop.folder / f"{name}.parquet").exists()]
        tables, media, rows = {}, dict[str, Path](), 0
        for name in names:
            if name not in self.tables:
                raise Unfit(f"{drop.folder}/{name}.parquet: the data has no such table. Leave it out.")
            new = merge.plain(read_arrow(drop.folder, name, self.params))
            new = merge.conform(new, self.tables[name], drop.folder / f"{name}.parquet")
            media |= self._media(drop.folder, name, new, view)
            self._check(drop.folder, name, new, view)
            tables[name] = merge.upsert(self.tables[name], new, self.params.data.id)
            rows += len(new)
        added = sum(len(table) - len(self.tables[name]) for name, table in tables.items())
        self.added, self.replaced = self.added + added, self.replaced + rows - added
        self.tables |= tables
        self.media |= media

    def _media(self, folder: Path, name: str, table: pa.Table, view: Path) -> dict[str, Path]:
        """Name -> file of the drop, for each that a cell names and the data lacks; `view` shows those of the data, too."""
        found = {}
        for cell in sorted(self._words(name, table)):
            own, here = folder / cell, os.path.normpath(cell)
            if os.path.isabs(cell) and os.path.isfile(cell):
                raise Unfit(f"{folder}/{name}.parquet: {cell} is a path from the root. Put the file beside the table.")
            if os.path.isfile(own) and own.resolve().is_relative_to(folder.resolve()):
                there = self.file(here)
                if not os.path.exists(there):
                    found[here] = own
                elif not (os.path.isfile(there) and filecmp.cmp(own, there, shallow=False)):
                    raise Unfit(f"{own}: the data has another file of that name. Give this one a name of its own.")
            shown = found.get(here, self.file(here))
            if not here.startswith("..") and os.path.isfile(shown) and not (view / here).exists():
                (view / here).parent.mkdir(parents=True, exist_ok=True)
                (view / here).symlink_to(shown.absolute())
        return found

    def _words(self, name: str, table: pa.Table) -> set[str]:
        """Cells of inputs and labels that are text, and so may name files."""
        readers: list[Input | Task] = [*self.params.inputs.values(), *tasks_of(name, self.params).values()]
        text = [column for column in {kind.column for kind in readers} if merge.is_text(table[column].type)]
        return {cell for column in text for cell in table[column].unique().to_pylist() if cell}

    def _check(self, folder: Path, name: str, table: pa.Table, view: Path) -> None:
        source = Source(view, self.params.input.size)
        report = checks.check(table.to_pandas(), self.params, source, strict=False, docs=None, name=name)
        hard = [failure for failure in report.failed if failure.hard and failure.expectation not in WHOLE]
        if hard:
            reason = checks.refusal(replace(report, failed=hard), folder / f"{name}.parquet")
            raise Unfit(reason.replace(str(view), str(folder)), hard)

    def write(self, scratch: Path, old: dict[str, pa.Table]) -> None:
        """Replaces what differs, file by file and each of them whole; the table of samples, which names the others, last."""
        ready = scratch / "ready"
        for name, source in self.media.items():
            (ready / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, ready / name)
        changed = [name for name in reversed(self.tables) if not self.tables[name].equals(old[name])]
        ready.mkdir(parents=True, exist_ok=True)
        for name in changed:
            merge.write(ready / f"{name}.parquet", self.tables[name])
        for path in [*self.media, *(f"{name}.parquet" for name in changed)]:
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(ready / path, self.folder / path)


def take(root: Path, base: Path, params: Params, run: str) -> Arrived | None:
    """Adds to the data of `root` what has arrived at `ingest.source`, relative to `base`; None where nothing has.

    Refusal where a drop is unfit: it is in quarantine then, and the others wait for the next run.
    """
    if params.ingest.source is None:
        raise LeptonError("params.yaml: ingest.source names no place where new data arrives. Name a folder, or a URL.")
    scratch = root / ".lepton/ingesting"  # on the data's file system, and no part of it
    shutil.rmtree(scratch, ignore_errors=True)
    if not (found := drops.find(params.ingest.source, base, scratch)):
        return None
    top, folder = _top(params), root / params.data.path
    names = [name for name in ("samples", "new_tasks") if name == "samples" or (folder / f"{name}.parquet").exists()]
    old = {name: merge.plain(read_arrow(folder, name, params)) for name in names}
    data = _Data(folder, params, dict(old), {})
    unfit: list[tuple[Drop, LeptonError]] = []
    for drop in found:
        try:
            data.add(drop, scratch / "view" / drop.name)
        except LeptonError as error:
            unfit.append((drop, error))
    if unfit:
        raise Refusal(_quarantined(unfit, run))
    if not data.media and all(table.equals(old[name]) for name, table in data.tables.items()):
        return Arrived(found)
    dvc.add(root, top)  # what stands there can then be brought back
    before = _file(root, top).read_text(encoding="utf-8")
    try:
        data.write(scratch, old)
    except OSError as error:
        raise LeptonError(f"{folder}: cannot be written ({error.strerror}). Free the path or fix its permissions.") from None
    dvc.add(root, top)
    return Arrived(found, data.added, data.replaced, before)


def _top(params: Params) -> Path:
    """The folder that DVC keeps the versions of."""
    path = params.data.path
    if path.is_absolute() or ".." in path.parts:
        raise LeptonError(
            f"params.yaml: ingest.source: data.path {path} is outside the project, and so has no versions. Move it here."
        )
    return Path(path.parts[0])


def _file(root: Path, top: Path) -> Path:
    return root / f"{top}.dvc"


def _quarantined(unfit: Sequence[tuple[Drop, LeptonError]], run: str) -> str:
    """Moves drops away; says why the first one is unfit, and where all of them are."""
    places = []
    for drop, error in unfit:
        failed = [asdict(failure) for failure in getattr(error, "failed", [])]
        places.append(os.path.relpath(drops.quarantine(drop, run, str(error), failed)))
    return f"{unfit[0][1]} In quarantine: {', '.join(places)}."


def reject(root: Path, params: Params, arrived: Arrived, run: str, reason: str) -> str:
    """Takes out again what a stage refuses the data because of; says why, and where the drops are."""
    says = _quarantined([(drop, LeptonError(reason)) for drop in arrived.drops], run)
    file = _file(root, _top(params))
    files.write_text(file, arrived.before)
    dvc.restore(root, file.name)
    return says

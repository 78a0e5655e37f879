"""Drops: folders with new rows, in the place that `ingest.source` names, until they are taken in or put into quarantine."""

import errno
import os
import shutil
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from lepton import files
from lepton.environment import home
from lepton.errors import LeptonError

UNREADY = (".tmp", ".part")  # ends of names that are left alone, as are those that begin with a dot
TOKEN = "LEPTON_INGEST_TOKEN"  # of the environment: what an http server asks for
PATIENCE = 60  # seconds without a byte


@dataclass(frozen=True)
class Drop:
    """A folder with samples.parquet. fetched: a copy of what a URL holds, which nobody misses; place: where others come, too."""

    folder: Path
    fetched: bool = False
    place: bool = False

    @property
    def name(self) -> str:
        return self.folder.name


def find(source: str, base: Path, scratch: Path) -> list[Drop]:
    """What lies in the folder `source` of `base`, by name; of a URL what it holds, fetched into `scratch`."""
    if urlsplit(source).scheme in ("http", "https", "file"):
        _fetch(source, scratch / "download" / "samples.parquet")
        return [Drop(scratch / "download", fetched=True)]
    place = base / source
    if not place.is_dir():
        return []
    if (place / "samples.parquet").exists():
        return [Drop(place, place=True)]
    names = sorted(name for name in os.listdir(place) if not name.startswith(".") and not name.endswith(UNREADY))
    return [Drop(place / name) for name in names if (place / name / "samples.parquet").exists()]


def _fetch(url: str, to: Path) -> None:
    """The file behind a URL. LeptonError, without what a URL may hold of secrets, where it does not come whole."""
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    if "@" in parts.netloc:
        raise LeptonError(f"params.yaml: ingest.source: {shown} has a password in it. Take it out, and set {TOKEN} instead.")
    request = urllib.request.Request(url)
    if token := os.environ.get(TOKEN):
        request.add_unredirected_header("Authorization", f"Bearer {token}")  # for this host alone
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer, files.replacing(to) as temporary:
            with temporary.open("wb") as file:
                shutil.copyfileobj(answer, file)
            if (length := answer.headers.get("Content-Length")) and int(length) != temporary.stat().st_size:
                raise HTTPException(f"{temporary.stat().st_size:,} of {int(length):,} bytes came")
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()
        why = getattr(error, "reason", None) or error
        raise LeptonError(f"params.yaml: ingest.source: {shown} cannot be fetched ({why}). Run again when it answers.") from None


def consume(drop: Drop, run: str) -> None:
    """Puts a drop that was taken in among the others, `ingested/<run>/<name>`: nothing is deleted."""
    if not drop.fetched and drop.folder.exists():  # else a run beside this one was first
        _move(drop, home() / "ingested" / run / drop.name)


def quarantine(drop: Drop, run: str, reason: str, failed: list[dict[str, Any]]) -> Path:
    """Puts a drop that is unfit into `quarantine/<utc>-<name>`, with the reason in reason.json; returns that folder."""
    now = datetime.now(UTC)
    place = home() / "quarantine" / f"{now:%Y%m%dT%H%M%SZ}-{drop.name}"
    told = {"reason": reason, "drop": drop.name, "at": f"{now:%Y-%m-%d %H:%M:%S}", "run": run, "failed": failed}
    files.write_json(drop.folder / "reason.json", told)
    _move(drop, place)
    return place


def _move(drop: Drop, to: Path) -> None:
    """Renames a drop's folder; to another file system it goes as a copy, and is there whole or not at all."""
    folder = drop.folder
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise LeptonError(f"{folder}: cannot be moved to {to} ({error.strerror}). Fix its permissions.") from None
        with files.replacing_folder(to) as temporary:
            shutil.copytree(folder, temporary, dirs_exist_ok=True)
        shutil.rmtree(folder.rename(folder.with_name(f".{folder.name}")))  # by that name it is no drop, whatever comes in between
    if drop.place:
        folder.mkdir(exist_ok=True)

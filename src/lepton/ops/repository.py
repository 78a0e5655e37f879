"""DVC's project, opened in this process: what it has against a request is one line, and what it writes is whole or as before."""

import json
import logging
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from lepton.errors import LeptonError, redacted
from lepton.ops.network import TransferFailed

LOGS = ("dvc", "dvc_objects", "dvc_data")


class Busy(LeptonError):
    """Another run holds what this one needs."""


class _Redacted(logging.Formatter):
    """DVC prints by itself what went wrong with a file, with the remote's URL as it stands in its settings."""

    def __init__(self, own: logging.Formatter):
        super().__init__()
        self.own = own

    def format(self, record: logging.LogRecord) -> str:
        return redacted(self.own.format(record))


@contextmanager
def opened(root: Path) -> Iterator[Any]:
    """The project of DVC in `root`; what DVC has against it becomes one line."""
    from dvc.exceptions import DvcException, FileTransferError
    from dvc.lock import LockError
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)  # warns of every empty __init__.py, at every question
    logging.getLogger("dvc_data").setLevel(logging.ERROR)  # of what a remote lacks, hash by hash
    for handler in [one for name in LOGS for one in logging.getLogger(name).handlers]:
        if handler.formatter and not isinstance(handler.formatter, _Redacted):
            handler.setFormatter(_Redacted(handler.formatter))
    try:
        with warnings.catch_warnings(), chdir(root), _whole_files():  # targets are relative to the working directory
            warnings.simplefilter("ignore", DeprecationWarning)  # of DVC's libraries
            _forget_half_a_list()
            with Repo() as repo:
                yield repo
    except (DvcException, OSError) as error:
        first = _first(error)
        if isinstance(first, LockError):
            raise Busy(_busy(str(first))) from None
        kind = TransferFailed if isinstance(first, FileTransferError | ConnectionError | TimeoutError) else LeptonError
        raise kind(f"dvc: {' '.join(str(first).split())}") from error


@contextmanager
def _whole_files() -> Iterator[None]:
    """Lets DVC write dvc.lock and .dvc files whole or not at all. It writes them in place, and nobody can read half of one."""
    from dvc.utils.serialize import _common, _yaml

    write = _common._dump_data

    def whole(path: str | Path, *arguments: Any, **options: Any) -> None:
        temporary = Path(f".dvc/tmp/lepton-{os.getpid()}-{threading.get_ident()}")
        write(temporary, *arguments, **options)
        os.replace(temporary, path)

    places = (_common, _yaml)
    for place in places:
        place._dump_data = whole
    try:
        yield
    finally:
        for place in places:
            place._dump_data = write


def _forget_half_a_list() -> None:
    """DVC's list of who uses what is written in place as well; where a kill has left half of it, it says nothing and locks all."""
    from dvc.lock import make_lock

    path = Path(".dvc/tmp/rwlock")
    if _is_json(path):
        return
    with make_lock(f"{path}.lock", tmp_dir=str(path.parent)):  # whoever writes it holds this
        if not _is_json(path):
            path.unlink()


def _is_json(path: Path) -> bool:
    """Absent is fine too."""
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return True
    except ValueError:
        return False
    return True


def _busy(said: str) -> str:
    held = ", ".join(dict.fromkeys(re.findall(r"\(PID (\d+)\)", said)))
    return f"another run of this project is under way{f' (PID {held})' if held else ''}. Wait for it or end it."


def _first(error: BaseException) -> BaseException:
    """What DVC, or the system, said first in a chain of exceptions."""
    from dvc.exceptions import DvcException

    while isinstance(error.__cause__, DvcException | OSError) and str(error.__cause__):
        error = error.__cause__
    return error

"""Files are written whole or not at all: to a temporary name beside the target, then renamed."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lepton.errors import LeptonError


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Makes the parent folder; a path that cannot be written becomes one clear line."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise  # of something that was to be read
        raise LeptonError(f"{path}: cannot be written ({error.strerror}). Free the path or fix its permissions.") from None


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path; when the block ends well it becomes `path`, otherwise it is removed."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{path.suffix}")
    with _writing(path):
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            if temporary.exists():
                temporary.unlink()


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yields an empty temporary folder; when the block ends well it becomes `path`, and what was there before is gone."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with _writing(path):
        shutil.rmtree(temporary, ignore_errors=True)  # of a process with this number that was killed
        temporary.mkdir()
        try:
            yield temporary
            shutil.rmtree(path, ignore_errors=True)
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def write(path: str | Path, save: Callable[[Path], Any]) -> None:
    """`save` gets a temporary path to write to, which then becomes `path`."""
    with replacing(path) as temporary:
        save(temporary)


def write_text(path: str | Path, text: str) -> None:
    write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a JSON file")


def write_json(path: str | Path, value: Any) -> None:
    """Writes `value` with stable formatting, so that equal values are equal bytes."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False, default=_plain) + "\n")


def read_json(path: str | Path) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LeptonError(f"{path}: not there. Run the stage that makes it: dvc repro.") from None


def write_array(path: str | Path, array: np.ndarray) -> None:
    def save(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)

    write(path, save)

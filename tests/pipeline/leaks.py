"""Searches what a run has left behind for what was planted in its data and its environment."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tracking"))

import offline

PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"II*\0", b"MM\0*")  # how files of images begin
WITHIN = (b"data:image", b"iVBORw0KGgo", b"/9j/", b"<image")
RUN = 24  # bytes of a sample that do not occur elsewhere by chance


def files(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def content(path: Path) -> bytes:
    """What a file says; W&B's log also record by record, since its blocks cut through words."""
    log = b"".join(record.SerializeToString() for record in offline.records(path)) if path.suffix == ".wandb" else b""
    return path.read_bytes() + log


def holding(paths: list[Path], *words: bytes) -> list[str]:
    """Files in whose name or content one of `words` stands, however it is written."""
    return [str(path) for path in paths if any(word in (path.name.encode() + content(path)).lower() for word in words)]


def pictures(paths: list[Path]) -> list[str]:
    """Files that are an image, or hold one as text."""
    return [str(path) for path in paths if (told := content(path)).startswith(PICTURES) or any(part in told for part in WITHIN)]


def runs_of(table: pd.DataFrame, every: int = 7) -> Iterator[bytes]:
    """Bytes from within every n-th sample: as it is encoded, and its pixels row by row and channel by channel."""
    for encoded in table["image"].iloc[::every]:
        try:
            pixels = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))
        except OSError:  # broken on purpose
            continue
        for stored in (encoded, pixels.tobytes(), pixels.transpose(2, 0, 1).tobytes()):
            middle = stored[len(stored) // 2 :][:RUN]
            if len(set(middle)) > RUN // 3:  # no flat surface
                yield middle


def in_git(root: Path) -> bytes:
    """Every commit, tag and file that git has."""
    command = ["git", "cat-file", "--batch", "--batch-all-objects"]
    return subprocess.run(command, cwd=root, check=True, capture_output=True).stdout

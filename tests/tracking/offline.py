"""Reads an offline run of W&B back: its log has the format of LevelDB's, with a protocol buffer in every record."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

BLOCK = 32768
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


@dataclass
class Offline:
    """What one run has told."""

    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, list[str]] = field(default_factory=dict)  # name -> files in its manifest
    group: str = ""
    job_type: str = ""
    exit_code: int | None = None


def records(file: Path) -> Iterator[Record]:
    data, place, parts = file.read_bytes(), 7, b""  # after W&B's own header
    while place + 7 <= len(data):
        if BLOCK - place % BLOCK < 7:  # too little room for a record's header: padding
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        parts += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (FULL, LAST):
            yield Record.FromString(parts)
            parts = b""


def _items(items: Any) -> dict[str, Any]:
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


def read(folder: Path) -> Offline:
    """The run that `folder` (offline-run-…) holds."""
    (file,) = folder.glob("run-*.wandb")
    run = Offline()
    for record in records(file):
        match record.WhichOneof("record_type"):
            case "run":
                run.group, run.job_type = record.run.run_group, record.run.job_type
                run.config |= _items(record.run.config.update)
            case "config":
                run.config |= _items(record.config.update)
            case "history":
                run.history.append(_items(record.history.item))
            case "summary":
                run.summary |= _items(record.summary.update)
            case "artifact":
                run.artifacts[record.artifact.name] = [entry.path for entry in record.artifact.manifest.contents]
            case "request" if record.request.WhichOneof("request_type") == "log_artifact":
                artifact = record.request.log_artifact.artifact
                run.artifacts[artifact.name] = [entry.path for entry in artifact.manifest.contents]
            case "exit":
                run.exit_code = record.exit.exit_code
    return run

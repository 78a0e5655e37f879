"""A stage's key: one hash of everything it reads (command, files, parameters). Equal keys, equal outputs."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    elif path.exists():
        yield path


def _resolve(text: str, params: dict[str, Any]) -> str:
    """DVC's ${data.path}, for the one place where dvc.yaml names the data."""
    while "${" in text:
        start, end = text.index("${"), text.index("}")
        text = text[:start] + str(_value(params, text[start + 2 : end])) + text[end + 1 :]
    return text


def _value(params: dict[str, Any], key: str) -> Any:
    """What stands under a dotted key; None where nothing does, as for a block left to its defaults."""
    node: Any = params
    for part in key.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def stage_key(stage: str, root: Path | None = None) -> str:
    """Hex digest of the stage's command, dependencies and parameters as they stand in the project now."""
    root = root or Path.cwd()
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    block = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    digest = hashlib.sha256(json.dumps([block["cmd"], {key: _value(params, key) for key in block["params"]}]).encode())
    for dep in block["deps"]:
        place = root / _resolve(dep, params)
        for file in _files(place):  # named from where the dependency is, which may be outside the project
            digest.update(f"{dep}/{file.relative_to(place)}".encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:20]


def hashes(root: Path) -> dict[str, str]:
    """Path -> hash of the data and of every stage's outputs, as data.dvc and dvc.lock have them now."""
    found: dict[str, str] = {}
    blocks = [yaml.safe_load(file.read_text(encoding="utf-8")) or {} for file in sorted(root.glob("[!.]*.dvc"))]
    if (lock := root / "dvc.lock").exists():
        blocks += (yaml.safe_load(lock.read_text(encoding="utf-8")) or {}).get("stages", {}).values()
    for block in blocks:
        found |= {out["path"]: out["md5"] for out in block.get("outs", []) if "md5" in out}
    return found

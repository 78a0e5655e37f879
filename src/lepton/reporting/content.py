"""Everything the page and the card tell, read once from artifacts, records and the graph. What is not there is None."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from lepton import config, files
from lepton.config import Params
from lepton.environment import home
from lepton.errors import LeptonError, redacted
from lepton.ops import champion, drift, git, projects, records
from lepton.ops.champion import Champion
from lepton.ops.lineage import hashes
from lepton.reporting.blocks import Missing

SOURCES = {
    "validate": "validate/report.json",
    "clean": "clean/report.json",
    "prepare": "prepare/summary.json",
    "relate": "relate/relatedness.json",
    "sharing": "train/sharing.json",
    "history": "train/history.csv",
    "affinity": "train/affinity.json",
    "train": "train/metrics.json",
    "baseline": "baseline/metrics.json",
    "adapt": "adapt/metrics.json",
    "compress": "compress/frontier.json",
    "evaluate": "evaluate/metrics.json",
    "examples": "evaluate/examples.json",
}
MODELS = ("compress/model.onnx", "compress/model.tflite", "compress/model_fp32.onnx", "train/model.safetensors")
PACKAGES = ("lepton", "torch", "numpy", "scikit-learn", "onnxruntime", "great_expectations", "dvc", "prefect")


@dataclass(frozen=True)
class Lineage:
    """What the numbers were made from.

    changed: files that differ from the commit. data, outputs: (path, hash, bytes) of the data and of each stage, from DVC's files.
    """

    commit: str | None
    changed: Sequence[str]
    data: Sequence[tuple[str, str, int | None]]
    outputs: Mapping[str, Sequence[tuple[str, str, int | None]]]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Content:
    """One run, as values. `values` has a key for each of SOURCES; `stages` is the graph's order.

    states: what the flow did with each stage, [{stage, state, seconds}], state being ran, cached or unchanged.
    examples: `images` [R, H, W, C] uint8, C being 1 or 3, and `saliency.<task>` [R, H, W], R samples.
    onnx: inputs and outputs of the exported model, (name, type, shape). decision: the gate's, of the present model.
    champion: the present one; since: what differs from what it was made from, (what, then, now).
    drift: the newest report on new data. clone_of: the params file of a project that runs in a clone of its own.
    """

    params: Params
    params_text: str
    stages: Sequence[str]
    values: Mapping[str, Any]
    records: Mapping[str, Mapping[str, Any]]
    lineage: Lineage
    states: Sequence[Mapping[str, Any]] = ()
    examples: Mapping[str, np.ndarray] = field(default_factory=dict)
    onnx: Mapping[str, Sequence[tuple[str, str, str]]] = field(default_factory=dict)
    models: Mapping[str, int] = field(default_factory=dict)
    decision: Mapping[str, Any] | None = None
    champion: Champion | None = None
    since: Sequence[tuple[str, str, str]] = ()
    drift: Mapping[str, Any] | None = None
    clone_of: str | None = None

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def absent(self, name: str) -> Missing:
        """Stands in a section whose artifact has not been made."""
        return Missing(f"artifacts/{SOURCES[name]}", self.remedy(SOURCES[name].split("/")[0]))

    def remedy(self, stage: str) -> str:
        """The command that makes what a stage has not made yet."""
        return f"make run PARAMS={self.clone_of}" if self.clone_of else f"dvc repro {stage}"

    @property
    def key(self) -> str:
        """Short hash of what the run was made from."""
        parts = (self.params_text, repr(self.lineage.data), repr(sorted(self.lineage.outputs.items())))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]


def gather(root: Path, states: Sequence[Mapping[str, Any]] = ()) -> Content:
    """Reads the project at `root`; a LeptonError when its params.yaml is missing or wrong."""
    artifacts = root / "artifacts"
    sha, changed = commit(root)
    lock = _yaml(root / "dvc.lock").get("stages", {})
    stages = list(_yaml(root / "dvc.yaml").get("stages") or {})
    reigning = champion.current(root) if sha else None
    return Content(
        params=config.load(root / "params.yaml"),
        params_text=redacted((root / "params.yaml").read_text(encoding="utf-8")),
        stages=stages,
        values={name: _read(artifacts / path) for name, path in SOURCES.items()},
        records={stage: records.read(stage, root) for stage in stages},
        lineage=Lineage(
            commit=sha,
            changed=changed,
            data=[out for file in sorted(root.glob("[!.]*.dvc")) for out in _outs(_yaml(file))],
            outputs={stage: list(_outs(block)) for stage, block in lock.items()},
            versions=versions(),
        ),
        states=states,
        examples=_arrays(artifacts / "evaluate/examples.npz"),
        onnx=_signature(artifacts / MODELS[0]),
        models={path: (artifacts / path).stat().st_size for path in MODELS if (artifacts / path).exists()},
        decision=_decision(root),
        champion=reigning,
        since=[(what, redacted(then), redacted(now)) for what, then, now in champion.since(root, reigning)] if reigning else (),
        drift=next(map(files.read_json, reversed(drift.reports(root))), None),
        clone_of=f"{root.name}.yaml" if projects.is_clone(root) else None,
    )


def _decision(root: Path) -> Mapping[str, Any] | None:
    path = home(root) / "decisions" / f"{hashes(root).get(f'artifacts/{MODELS[0]}')}.json"
    return files.read_json(path) if path.exists() else None


def commit(root: Path) -> tuple[str | None, list[str]]:
    """The commit that is checked out and the files that differ from it; None outside git."""
    try:
        return git.sha(root), git.changed(root)
    except LeptonError:
        return None, []


def versions() -> dict[str, str]:
    """Of the packages that the numbers depend on, as installed now."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _read(path: Path) -> Any:
    if not path.exists():
        return None
    return pd.read_csv(path) if path.suffix == ".csv" else files.read_json(path)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _yaml(path: Path) -> dict[str, Any]:
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


def _outs(block: Mapping[str, Any]) -> Iterator[tuple[str, str, int | None]]:
    for out in block.get("outs", []):
        yield out["path"], str(out.get("md5") or out.get("etag") or ""), out.get("size")


def _signature(path: Path) -> dict[str, list[tuple[str, str, str]]]:
    if not path.exists():
        return {}
    import onnx  # heavy, and needed only where there is a model

    graph = onnx.load(str(path), load_external_data=False).graph

    def told(value: Any) -> tuple[str, str, str]:
        kind = value.type.tensor_type
        shape = [side.dim_param or str(side.dim_value) for side in kind.shape.dim]
        return value.name, onnx.TensorProto.DataType.Name(kind.elem_type).lower(), f"[{', '.join(shape)}]"

    return {"inputs": [told(value) for value in graph.input], "outputs": [told(value) for value in graph.output]}

"""A project with a task of every kind, from its table to its page, in this process: real stages, tiny data, no TFLite."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import helpers
from lepton import config
from lepton.compression import export
from lepton.data import checks
from lepton.data.table import read_table
from lepton.kinds import KINDS
from lepton.reporting.page import render
from lepton.stages import baseline, clean, compress, evaluate, prepare, relate, train
from lepton.stages.runner import Stage
from lepton.tracking.tracker import NoTracker
from lepton.types import Source

ROWS = 150
EXTRA = {
    "tags": {"type": "multilabel", "column": "tags", "classes": ["upright", "lying", "bright"]},
    "grade": {"type": "ordinal", "column": "grade", "classes": ["dark", "middling", "light"]},
}
SHORT = {
    "clean": {"folds": 2, "epochs": 1},
    "relate": {"samples": 16, "lookahead": 1},
    "ensemble": {"seeds": 1},
    "train": {"epochs": 1, "batch_size": 16},
    "baseline": {"lrs": [0.01], "probe": 0.5},
    "compress": {"widths": [0.5], "epochs": 1, "calibration": 32, "parity_rows": 8},
    "evaluate": {"resamples": 10, "explain": 2, "votes": "validation"},
}


def table() -> pd.DataFrame:
    """Stripes on noise; every kind of label, each missing in a third of the rows."""
    random = np.random.default_rng(0)
    inputs, sort = helpers.stripes(ROWS)
    light = inputs.mean((1, 2, 3)).argsort().argsort() * 3 // ROWS
    box = {"label": "round", "x": 2, "y": 3, "w": 5, "h": 6}
    columns = {
        "digit": sort.tolist(),
        "objects": [[] if kind == 2 else [box] for kind in sort],
        "ink": [helpers.encoded((image[0] > 200).astype(np.uint8)) for image in inputs],
        "tilt": random.uniform(-30, 30, ROWS).tolist(),
        "tags": [
            [["upright"], ["lying"], []][kind] + ["bright"] * int(shade == 2) for kind, shade in zip(sort, light, strict=True)
        ],
        "grade": [EXTRA["grade"]["classes"][shade] for shade in light],
    }
    labels = {name: pd.Series([value if random.random() < 2 / 3 else None for value in values]) for name, values in columns.items()}
    ids = [f"r{row}" for row in range(ROWS)]
    return pd.DataFrame({"id": ids, "image": [helpers.encoded(image.transpose(1, 2, 0)) for image in inputs], **labels})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stages have run."""
    folder = tmp_path_factory.mktemp("every") / "project"
    (folder / "data").mkdir(parents=True)
    table().to_parquet(folder / "data/samples.parquet", index=False)
    plain = yaml.safe_load(helpers.PARAMS) | {"data": {"path": "data"}} | SHORT
    plain["tasks"] |= EXTRA
    (folder / "params.yaml").write_text(yaml.safe_dump(plain))
    params = config.load(folder / "params.yaml")
    assert {task.type for task in params.tasks.values()} == set(KINDS["tasks"])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(export, "to_tflite", export.to_onnx)  # its own packages take long; tests/pipeline has the real one
        patch.setattr(export, "run_tflite", lambda path, names, inputs: export.run_onnx(export.session(path, 1), inputs))
        for work in (clean.work, prepare.work, relate.work, train.work, baseline.work, compress.work, evaluate.work):
            work(Stage(work.__module__.rpartition(".")[2], params, NoTracker(), folder / ".lepton", "key"))
    return folder


def read(folder: Path, name: str) -> dict:
    return json.loads((folder / "artifacts" / name).read_text())


def test_its_table_is_fit_and_stays_so(project: Path) -> None:
    params = config.load(project / "params.yaml")
    for folder in (project / "data", project / "artifacts/clean"):
        source = Source(folder, params.input.size)
        assert checks.check(read_table(folder, "samples", params), params, source, strict=True, docs=None).ok


def test_every_task_is_measured_alone_together_compressed_and_as_an_ensemble(project: Path) -> None:
    told = read(project, "evaluate/metrics.json")
    for task in config.load(project / "params.yaml").tasks.values():
        found = told["tasks"][task.column]
        assert found["metric"] == task.metric
        assert all(np.isfinite(found[model]) for model in ("single_task", "multi_task", "ensemble", "compressed"))
    assert told["explanations"]["surrogate"].keys() == {"digit", "tilt", "grade"}


def test_an_ensemble_has_other_seeds_than_the_model(project: Path) -> None:
    folder = project / "artifacts/train"
    assert sorted(path.name for path in (folder / "ensemble").iterdir()) == ["1.safetensors", "members.json"]
    assert (folder / "ensemble/1.safetensors").read_bytes() != (folder / "model.safetensors").read_bytes()
    (member,) = read(project, "train/ensemble/members.json")
    assert member.keys() == config.load(project / "params.yaml").tasks.keys()
    assert not list((project / ".lepton/checkpoints/train/key").iterdir())


def test_every_export_agrees_and_every_tolerance_is_kept_by_the_full_model(project: Path) -> None:
    frontier = read(project, "compress/frontier.json")
    assert {name.split(".")[0] for name in frontier["parity"]["onnx"]} == set(EXTRA) | {"digit", "objects", "ink", "tilt"}
    assert frontier["candidates"][0]["within_tolerance"]


def test_the_page_tells_every_answer(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEPTON_HOME", raising=False)
    text = render(project, run="r1").read_text(encoding="utf-8")
    for words in ("ROC-AUC", "mean abs. error, ranks", "Ensemble", "2 models asked together"):
        assert words in text

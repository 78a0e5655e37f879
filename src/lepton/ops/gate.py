"""Measures the project's model beside the champion's, on the project's present test split, and decides by `gate` in params.yaml."""

import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lepton import files
from lepton.compression import export
from lepton.config import Params
from lepton.data.store import Samples
from lepton.environment import home
from lepton.errors import LeptonError
from lepton.evaluation import gate
from lepton.evaluation.gate import Decision
from lepton.ops import champion, past
from lepton.ops.champion import METRICS, MODEL, Champion
from lepton.ops.lineage import hashes
from lepton.tasks.base import Evidence
from lepton.training import predict

ROUNDS = 50  # of one sample, whose median is the time


def path_of(root: Path) -> Path:
    """Where the decision on the present model stands."""
    return home(root) / "decisions" / f"{hashes(root).get(MODEL)}.json"


def decide(root: Path, params: Params) -> Decision:
    """Decides, and writes it down. The model is that which artifacts/ holds; all stages have run."""
    reigning = champion.current(root)
    test, inputs = split(root, params)
    ours, milliseconds = ask(root / MODEL, test, inputs, params)
    rules = gate.limits((root / MODEL).stat().st_size, milliseconds, params.gate)
    if reigning is None:
        measured = files.read_json(root / METRICS)["tasks"]
        values = {key: {name: one[key] for name, one in measured.items()} for key in ("compressed", "single_task")}
        rules += gate.good_enough(params.tasks, values["compressed"], values["single_task"], params.gate)
    else:
        rules += _beside(root, params, reigning, test, inputs, ours)
    model = hashes(root)[MODEL]
    before = [one.tag for one in champion.history(root) if one.told["model"] == model]
    if reigning and before and reigning.told["model"] != model:  # going back would last until the next run
        rules.append(gate.Rule("new", False, f"was {before[-1]}, which another one followed. Only a person brings it back."))
    decision = Decision(model, reigning.tag if reigning else None, rules)
    files.write_json(path_of(root), decision.to_dict())
    return decision


def split(root: Path, params: Params) -> tuple[Samples, np.ndarray]:
    """The project's test split, and its inputs as exported models take them."""
    test = Samples.load(root / "artifacts/prepare/test")
    return test, torch.cat(list(predict.batches(test, params.input, torch.device("cpu")))).contiguous().numpy()


def ask(path: Path, test: Samples, inputs: np.ndarray, params: Params) -> tuple[dict[str, Evidence], float]:
    """What an exported model answers to the test split, and its milliseconds for one sample."""
    session = export.session(path, params.compute.threads)
    predicted = export.run_onnx(session, inputs)
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        export.run_onnx(session, inputs[:1])
        seconds.append(time.perf_counter() - started)
    tasks = {name: task for name, task in params.tasks.items() if name in predicted}
    return predict.evidence(predicted, test, tasks, params.input.size), 1000 * statistics.median(seconds)


def _beside(
    root: Path, params: Params, reigning: Champion, test: Samples, inputs: np.ndarray, ours: Mapping[str, Evidence]
) -> list[gate.Rule]:
    try:
        _, other, missing = past.compared(root, reigning)
        content = champion.read(root, reigning, MODEL)
    except LeptonError as error:
        return [gate.Rule("comparable", False, f"{error} Promote by hand.")]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "champion.onnx"
        model.write_bytes(content)
        theirs, _ = ask(model, test, inputs, params.model_copy(update={"tasks": _without(params.tasks, other)}))
    rng = np.random.default_rng(params.compute.seed)
    rules = gate.keeps(missing, other)
    return rules + gate.not_worse(params.tasks, ours, theirs, params.gate, params.evaluate.resamples, rng=rng)


def _without(tasks: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: task for name, task in tasks.items() if name not in names}

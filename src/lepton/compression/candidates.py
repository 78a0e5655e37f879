"""The candidates of the compression search: the full network and narrower ones, each in fp32 and in int8."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress

from lepton.compression import export, prune, quantize
from lepton.compression.distill import augmented, finetune
from lepton.compression.frontier import Candidate
from lepton.compression.timing import milliseconds
from lepton.config import Params
from lepton.data.store import Samples
from lepton.sharing.base import Sharing
from lepton.training import cost, predict

IMPORTANCE_EPOCHS = 0.25  # share of the training rows that channels are judged on
BATCHES = (1, 64)  # sizes that are timed


def narrower(
    full: Sharing, samples: Samples, params: Params, class_weights: Mapping[str, list[float] | None]
) -> dict[str, Sharing]:
    """The full network and, where it can be pruned, one pruned and fine-tuned network for each of `compress.widths`."""
    if not prune.possible(full):
        return {"full": full}
    device = torch.device("cpu")
    weights = {name: None if one is None else torch.tensor(one) for name, one in class_weights.items()}
    judged = augmented(samples, params, full, IMPORTANCE_EPOCHS, device, params.compute.seed)
    scores = prune.importance(full, judged, weights)
    models = {"full": full}
    steps = -(-int(params.compress.epochs * len(samples)) // params.train.batch_size)
    with Progress() as bar:
        for share in params.compress.widths:
            line = bar.add_task(f"prune to {share:g}", total=steps)
            small = prune.prune(full, scores, share)
            finetune(small, full, samples, params, weights, seed=params.compute.seed, advance=partial(bar.advance, line))
            models[f"pruned {share:g}"] = small
    return models


def inputs_of(samples: Samples, model: Sharing) -> np.ndarray:
    """All rows as the exported model takes them [N, C, H, W]."""
    return torch.cat(list(predict.batches(samples, model.kind, torch.device("cpu")))).contiguous().numpy()


@dataclass(frozen=True)
class Built:
    """A candidate on disk. milliseconds: per batch size, a record and never a reason to choose."""

    candidate: Candidate
    model: Sharing
    path: Path
    plain: Path  # its fp32 file
    milliseconds: dict[str, float]


def build(models: Mapping[str, Sharing], valid: Samples, calibration: np.ndarray, params: Params, folder: Path) -> Iterator[Built]:
    """Exports every network in both precisions and measures it on the validation split, through ONNX Runtime."""
    for name, model in models.items():
        inputs = inputs_of(valid, model)
        plain, small = folder / f"{name}.onnx", folder / f"{name}.int8.onnx"
        export.to_onnx(model, plain)
        quantize.quantize(plain, small, calibration)
        for precision, path in (("fp32", plain), ("int8", small)):
            runner = export.session(path, params.compute.threads)
            found = predict.evidence(export.run_onnx(runner, inputs), valid, params.tasks, params.input.size)
            values = {task: one.measure()[params.tasks[task].metric] for task, one in found.items()}
            costs = path.stat().st_size, cost.macs(model, model.kind.example(1)), cost.parameters(model)
            times = {str(size): milliseconds(partial(export.run_onnx, runner, inputs[:size])) for size in BATCHES}
            yield Built(Candidate(f"{name} {precision}", *costs, values), model, path, plain, times)

"""compress: pruned and quantised candidates; the smallest that every task can live with, as ONNX and TFLite."""

from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress

from lepton import files
from lepton.compression import export, frontier, prune, quantize
from lepton.compression.distill import augmented, finetune
from lepton.compression.timing import milliseconds
from lepton.data.store import Samples
from lepton.sharing.base import Sharing
from lepton.stages.runner import ARTIFACTS, Stage, main
from lepton.stages.training import Prepared
from lepton.training import cost, network, predict
from lepton.training.predict import Predictions

IMPORTANCE_EPOCHS = 0.25  # of the training rows that channels are judged on


def pruned(stage: Stage, full: Sharing, prepared: Prepared) -> dict[str, Sharing]:
    """The full model and every narrower one, fine-tuned."""
    params, device = stage.params, torch.device("cpu")
    weights = {name: None if w is None else torch.tensor(w) for name, w in prepared.class_weights.items()}
    judged = augmented(prepared.train, params, full, IMPORTANCE_EPOCHS, device, params.compute.seed)
    scores = prune.importance(full, judged, weights)
    models = {"full": full}
    steps = int(params.compress.epochs * len(prepared.train)) // params.train.batch_size
    with Progress() as bar:
        for share in params.compress.widths:
            line = bar.add_task(f"prune to {share:g}", total=steps)
            small = prune.prune(full, scores, share)
            finetune(
                small, full, prepared.train, params, weights, seed=params.compute.seed, advance=lambda line=line: bar.advance(line)
            )
            models[f"pruned {share:g}"] = small
    return models


def inputs_of(samples: Samples, model: Sharing) -> np.ndarray:
    return torch.cat(list(predict.batches(samples, model.kind, torch.device("cpu")))).contiguous().numpy()


def work(stage: Stage) -> None:
    params, plan = stage.params, stage.params.compress
    prepared = Prepared.load()
    full = network.load(ARTIFACTS / "train/model.safetensors", params)
    models = pruned(stage, full, prepared)
    valid = inputs_of(prepared.valid, full)
    calibration = inputs_of(prepared.train.take(np.arange(min(plan.calibration, len(prepared.train)))), full)
    folder = stage.scratch("candidates")
    candidates, times, paths = [], {}, {}

    def add(name: str, model: Sharing, path: Path) -> Predictions:
        runner = export.session(path, params.compute.threads)
        predicted = export.run_onnx(runner, valid)
        found = predict.evidence(predicted, prepared.valid, params.tasks, params.input.size)
        values = {task: one.measure()[params.tasks[task].metric] for task, one in found.items()}
        costs = cost.macs(model, model.kind.example(1)), cost.parameters(model)
        candidates.append(frontier.Candidate(name, path.stat().st_size, *costs, values))
        calls = {str(size): milliseconds(lambda size=size: export.run_onnx(runner, valid[:size])) for size in (1, 64)}  # type: ignore[misc]
        times[name], paths[name] = calls, path
        return predicted

    for name, model in models.items():
        plain, small = folder / f"{name}.onnx", folder / f"{name}.int8.onnx"
        export.to_onnx(model, plain)
        add(f"{name} fp32", model, plain)
        quantize.quantize(plain, small, calibration)
        add(f"{name} int8", model, small)
    chosen = frontier.judge(candidates, candidates[0].values, params.tasks)
    model = models[chosen.name.rsplit(" ", 1)[0]]
    rows = valid[: plan.parity_rows]
    reference = predict.predict(model, prepared.valid.take(np.arange(len(rows))))
    plain = paths[chosen.name.replace("int8", "fp32")]
    export.to_tflite(model, stage.out / "model.tflite")
    exported = {
        "onnx": export.run_onnx(export.session(plain, params.compute.threads), rows),
        "tflite": export.run_tflite(stage.out / "model.tflite", export.Exported(model).names(), rows),
    }
    result = {
        "candidates": [candidate.to_dict() for candidate in candidates],
        "chosen": chosen.name,
        "tolerance": {name: task.tolerance for name, task in params.tasks.items()},
        "parity": {name: frontier.parity(reference, predicted) for name, predicted in exported.items()},
    }
    files.write(stage.out / "model.onnx", lambda temporary: temporary.write_bytes(paths[chosen.name].read_bytes()))
    files.write(stage.out / "model_fp32.onnx", lambda temporary: temporary.write_bytes(plain.read_bytes()))
    network.save(model, stage.out / "model.safetensors")
    files.write_json(stage.out / "frontier.json", result)
    shown = [[c.name, c.bytes, c.macs, c.within, times[c.name]["1"], times[c.name]["64"]] for c in candidates]
    stage.tracker.table("frontier", ["candidate", "bytes", "macs", "within tolerance", "ms, batch 1", "ms, batch 64"], shown)
    stage.tracker.artifact("compressed", "model", [stage.out / "model.onnx", stage.out / "model.tflite"], {"chosen": chosen.name})
    stage.record["milliseconds"] = times


if __name__ == "__main__":
    main("compress", work)

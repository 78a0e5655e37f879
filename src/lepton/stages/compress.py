"""compress: pruned and quantised candidates; the smallest that every task can live with, as ONNX and TFLite."""

import numpy as np

from lepton import files
from lepton.compression import candidates, export, frontier
from lepton.stages.runner import ARTIFACTS, Stage, main
from lepton.stages.training import Prepared
from lepton.training import network, predict


def work(stage: Stage) -> None:
    params, plan = stage.params, stage.params.compress
    prepared = Prepared.load()
    full = network.load(ARTIFACTS / "train/model.safetensors", params)
    models = candidates.narrower(full, prepared.train, params, prepared.class_weights)
    calibration = candidates.inputs_of(prepared.train.take(np.arange(min(plan.calibration, len(prepared.train)))), full)
    built = list(candidates.build(models, prepared.valid, calibration, params, stage.scratch("candidates")))
    judged = [one.candidate for one in built]
    best = frontier.judge(judged, judged[0].values, params.tasks)
    chosen = next(one for one in built if one.candidate is best)

    export.to_tflite(chosen.model, stage.out / "model.tflite")
    rows = prepared.valid.take(np.arange(min(plan.parity_rows, len(prepared.valid))))
    inputs = candidates.inputs_of(rows, full)
    reference = predict.predict(chosen.model, rows)
    exported = {
        "onnx": export.run_onnx(export.session(chosen.plain, params.compute.threads), inputs),
        "tflite": export.run_tflite(stage.out / "model.tflite", export.Exported(chosen.model).names(), inputs),
    }
    parity = {name: frontier.parity(reference, predicted) for name, predicted in exported.items()}
    frontier.require(parity, plan.parity)
    result = {
        "candidates": [candidate.to_dict() for candidate in judged],
        "chosen": best.name,
        "tolerance": {name: task.tolerance for name, task in params.tasks.items()},
        "parity": parity,
    }
    files.write(stage.out / "model.onnx", lambda temporary: temporary.write_bytes(chosen.path.read_bytes()))
    files.write(stage.out / "model_fp32.onnx", lambda temporary: temporary.write_bytes(chosen.plain.read_bytes()))
    network.save(chosen.model, stage.out / "model.safetensors")
    files.write_json(stage.out / "frontier.json", result)
    stage.record["milliseconds"] = {one.candidate.name: one.milliseconds for one in built}
    columns = ["candidate", "bytes", "macs", "within tolerance", "ms, batch 1", "ms, batch 64"]
    shown = [[c.candidate.name, c.candidate.bytes, c.candidate.macs, c.candidate.within, *c.milliseconds.values()] for c in built]
    stage.tracker.table("frontier", columns, shown)
    stage.tracker.artifact("compressed", "model", [stage.out / "model.onnx", stage.out / "model.tflite"], {"chosen": best.name})


if __name__ == "__main__":
    main("compress", work)

"""evaluate: single-task, multi-task and compressed models on the test split, with intervals and explanations."""

import io

import numpy as np

from lepton import files
from lepton.compression import candidates, export
from lepton.data.store import Samples
from lepton.evaluation import ensemble, explain, gain
from lepton.stages import members as who
from lepton.stages.runner import ARTIFACTS, Stage, main
from lepton.stages.training import PREPARED
from lepton.tasks.base import Evidence
from lepton.training import network, predict


def work(stage: Stage) -> None:
    params, plan = stage.params, stage.params.evaluate
    tasks, size, seed = params.tasks, params.input.size, params.compute.seed
    test = Samples.load(PREPARED / "test")
    model = network.load(ARTIFACTS / "train/model.safetensors", params)
    predicted = predict.predict(model, test)
    small = export.run_onnx(
        export.session(ARTIFACTS / "compress/model.onnx", params.compute.threads), candidates.inputs_of(test, model)
    )
    found: dict[str, dict[str, Evidence]] = {"single_task": {}}
    for name, task in tasks.items():
        alone = network.load(ARTIFACTS / f"baseline/models/{name}.safetensors", params, {name: task})
        found["single_task"] |= predict.evidence(predict.predict(alone, test.only(name)), test, {name: task}, size)
    found["multi_task"] = predict.evidence(predicted, test, tasks, size)
    found["compressed"] = predict.evidence(small, test, tasks, size)
    asked, members = who.members(model, params)
    if len(asked) > 1:
        valid = Samples.load(PREPARED / "valid") if plan.votes == "validation" else None
        found["ensemble"] = predict.evidence(ensemble.ask(tasks, asked, test, plan.vote, valid, size), test, tasks, size)
    rng = np.random.default_rng(seed)
    per_task, mean = gain.bootstrap(tasks, found["multi_task"], found["single_task"], plan.resamples, rng=rng)

    result: dict = {"tasks": {}}
    for name, interval in per_task.items():
        task = tasks[name]
        told = {"metric": task.metric, "higher_is_better": task.higher_is_better, "unit": task.unit_of_metric}
        values = {key: evidence[name].measure()[task.metric] for key, evidence in found.items()}
        result["tasks"][name] = {**told, **values, "delta_percent": interval.mean, "ci95": [interval.low, interval.high]}
    result |= {"ensemble": members} if len(members) > 1 else {}
    result["delta_m"] = {"mean": mean.mean, "ci95": [mean.low, mean.high]}
    result["explanations"] = {"surrogate": explain.surrogates(model, test, predicted, plan.tree_depth, seed)}
    arrays, shown = explain.examples(model, test, predicted, plan.explain)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    files.write(stage.out / "examples.npz", lambda temporary: temporary.write_bytes(buffer.getvalue()))
    files.write_json(stage.out / "examples.json", shown)
    files.write_json(stage.out / "metrics.json", result)
    stage.tracker.summary({key: result[key] for key in ("tasks", "delta_m")})
    columns = ["metric", *found, "delta_percent"]
    stage.tracker.table("results", ["task", *columns], [[n, *(t[c] for c in columns)] for n, t in result["tasks"].items()])


if __name__ == "__main__":
    main("evaluate", work)

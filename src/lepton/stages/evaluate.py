"""evaluate: single-task, multi-task and compressed models on the test split, with intervals and explanations."""

import io

import numpy as np
import torch

from lepton import files
from lepton.compression import export
from lepton.data.store import Samples
from lepton.evaluation import gain, surrogate
from lepton.evaluation.saliency import saliency
from lepton.sharing.base import Sharing
from lepton.stages.runner import ARTIFACTS, Stage, main
from lepton.stages.training import PREPARED
from lepton.training import network, predict


def explain(stage: Stage, model: Sharing, test: Samples, predicted: predict.Predictions) -> dict:
    """Saliency maps and drawings of a few test rows, and a surrogate tree for each task with one answer a row."""
    params = stage.params
    chosen = np.argsort(-np.sum([fields["present"] for fields in test.labels.values()], axis=0), kind="stable")[
        : params.evaluate.explain
    ]
    few = test.take(chosen)
    inputs = next(predict.batches(few, model.kind, torch.device("cpu")))
    maps = {f"saliency.{name}": saliency(model, inputs, name).numpy() for name in params.tasks}
    images = np.asarray(few.inputs).transpose(0, 2, 3, 1)
    buffer = io.BytesIO()
    np.savez(buffer, images=images, **maps)  # type: ignore[arg-type]
    files.write(stage.out / "examples.npz", lambda temporary: temporary.write_bytes(buffer.getvalue()))
    shown = []
    for place, row in enumerate(chosen):
        told = {
            name: {
                "truth": task.show_label(few.labels[name], place),
                "predicted": task.show_prediction(predicted[name], int(row), params.input.size),
            }
            for name, task in params.tasks.items()
        }
        shown.append({"id": few.ids[place], "tasks": told})
    files.write_json(stage.out / "examples.json", shown)
    facts_NP, names = surrogate.image_facts(np.asarray(test.inputs))
    trees = {}
    for name, task in params.tasks.items():
        answers = [task.show_prediction(predicted[name], row, params.input.size) for row in range(len(test))]
        if not isinstance(answers[0], list):
            tree = surrogate.imitate(facts_NP, names, np.array(answers), params.evaluate.tree_depth, params.compute.seed)
            trees[name] = vars(tree)
    return {"surrogate": trees}


def work(stage: Stage) -> None:
    params = stage.params
    size = params.input.size
    test = Samples.load(PREPARED / "test")
    multi = network.load(ARTIFACTS / "train/model.safetensors", params)
    predicted = predict.predict(multi, test)
    ours = predict.evidence(predicted, test, params.tasks, size)
    single = {}
    for name, task in params.tasks.items():
        model = network.load(ARTIFACTS / f"baseline/models/{name}.safetensors", params, {name: task})
        single |= predict.evidence(predict.predict(model, test.only(name)), test, {name: task}, size)
    inputs = torch.cat(list(predict.batches(test, multi.kind, torch.device("cpu")))).contiguous().numpy()
    small = export.run_onnx(export.session(ARTIFACTS / "compress/model.onnx", params.compute.threads), inputs)
    compressed = predict.evidence(small, test, params.tasks, size)
    rng = np.random.default_rng(params.compute.seed)
    per_task, mean = gain.bootstrap(params.tasks, ours, single, params.evaluate.resamples, rng=rng)
    result: dict = {"tasks": {}}
    for name, interval in per_task.items():
        task = params.tasks[name]
        values = {
            key: found[name].measure()[task.metric]
            for key, found in (("single_task", single), ("multi_task", ours), ("compressed", compressed))
        }
        told = {"metric": task.metric, "higher_is_better": task.higher_is_better, "unit": getattr(task, "unit", "")}
        result["tasks"][name] = {**told, **values, "delta_percent": interval.mean, "ci95": [interval.low, interval.high]}
    result["delta_m"] = {"mean": mean.mean, "ci95": [mean.low, mean.high]}
    result["explanations"] = explain(stage, multi, test, predicted)
    files.write_json(stage.out / "metrics.json", result)
    stage.tracker.summary({key: result[key] for key in ("tasks", "delta_m")})
    columns = ["task", "metric", "single task", "multi task", "compressed", "delta percent"]
    rows = [
        [n, t["metric"], t["single_task"], t["multi_task"], t["compressed"], t["delta_percent"]] for n, t in result["tasks"].items()
    ]
    stage.tracker.table("results", columns, rows)


if __name__ == "__main__":
    main("evaluate", work)

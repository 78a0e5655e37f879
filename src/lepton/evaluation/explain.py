"""What a team looks at: a few test rows with truth, prediction and saliency, and a surrogate tree for each task."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from lepton.data.store import Samples
from lepton.evaluation import surrogate
from lepton.evaluation.saliency import saliency
from lepton.sharing.base import Sharing
from lepton.training import predict


def examples(model: Sharing, test: Samples, predicted: predict.Predictions, count: int) -> tuple[dict[str, np.ndarray], list[dict]]:
    """The rows with most labels: arrays (images [R, H, W, C], saliency.<task> [R, H, W]), and what was true and predicted."""
    labelled_N = np.sum([fields["present"] for fields in test.labels.values()], axis=0)
    chosen = np.argsort(-labelled_N, kind="stable")[:count]
    few = test.take(chosen)
    inputs = next(predict.batches(few, model.kind, torch.device("cpu")))
    arrays = {f"saliency.{name}": saliency(model, inputs, name).numpy() for name in model.tasks}
    arrays["images"] = np.asarray(few.inputs).transpose(0, 2, 3, 1)

    def told(place: int, row: int) -> dict[str, Any]:
        return {
            name: {
                "truth": task.show_label(few.labels[name], place),
                "predicted": task.show_prediction(predicted[name], row, model.kind.size),
            }
            for name, task in model.tasks.items()
        }

    return arrays, [{"id": few.ids[place], "tasks": told(place, int(row))} for place, row in enumerate(chosen)]


def surrogates(
    model: Sharing, test: Samples, predicted: predict.Predictions, depth: int, seed: int
) -> Mapping[str, dict[str, Any]]:
    """A tree for each task whose answer is one value a row: how well it imitates the model, and its rules."""
    facts_NP, names = surrogate.image_facts(np.asarray(test.inputs))
    trees = {}
    for name, task in model.tasks.items():
        answers = [task.show_prediction(predicted[name], row, model.kind.size) for row in range(len(test))]
        if not isinstance(answers[0], list):
            trees[name] = vars(surrogate.imitate(facts_NP, names, np.array(answers), depth, seed))
    return trees

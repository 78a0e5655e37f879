"""A network's predictions on a split, and how good they are."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch

from lepton.data.store import Samples
from lepton.inputs.base import BaseInput
from lepton.sharing.base import Sharing
from lepton.tasks.base import BaseTask, Evidence

Predictions = dict[str, dict[str, np.ndarray]]
"""Per task, per field, one entry per row."""


def batches(samples: Samples, kind: BaseInput, device: torch.device, size: int = 256) -> Iterator[torch.Tensor]:
    """Inputs as the network sees them, in order."""
    for start in range(0, len(samples), size):
        stored = torch.from_numpy(np.array(samples.inputs[start : start + size]))  # a copy: the memory map is read-only
        yield kind.prepare(stored.to(device))


@torch.no_grad()
def predict(model: Sharing, samples: Samples, device: torch.device | None = None) -> Predictions:
    """Every row's predictions, in evaluation mode."""
    was_training = model.training
    model.eval()
    found: dict[str, dict[str, list[np.ndarray]]] = {}
    for inputs in batches(samples, model.kind, device or next(model.parameters()).device):
        for task, fields in model.predict(inputs).items():
            for field, value in fields.items():
                found.setdefault(task, {}).setdefault(field, []).append(value.cpu().numpy())
    model.train(was_training)
    return {task: {field: np.concatenate(parts) for field, parts in fields.items()} for task, fields in found.items()}


def evidence(predicted: Predictions, samples: Samples, tasks: Mapping[str, BaseTask], size: tuple[int, int]) -> dict[str, Evidence]:
    """Each task's predictions beside its labels, for tasks that have any label in the split."""
    return {
        name: task.compare(predicted[name], samples.labels[name], size)
        for name, task in tasks.items()
        if samples.labels[name]["present"].any()
    }


def metrics(model: Sharing, samples: Samples, device: torch.device | None = None) -> dict[str, dict[str, float]]:
    found = evidence(predict(model, samples, device), samples, model.tasks, model.kind.size)
    return {name: one.measure() for name, one in found.items()}


def utility(tasks: Mapping[str, BaseTask], measured: Mapping[str, Mapping[str, float]]) -> float:
    """Mean over the tasks of their own metric on a common scale where more is better, for choosing between epochs."""
    return float(np.mean([tasks[name].utility(values[tasks[name].metric]) for name, values in measured.items()]))


@torch.no_grad()
def losses(model: Sharing, samples: Samples, device: torch.device | None = None) -> dict[str, float]:
    """Each task's mean loss over its labelled rows, in evaluation mode: tells young networks apart before their metrics can."""
    was_training, device = model.training, device or next(model.parameters()).device
    model.eval()
    total, count = dict.fromkeys(model.tasks, 0.0), dict.fromkeys(model.tasks, 0)
    for rows in torch.arange(len(samples)).split(256):
        batch = samples.batch(rows, device)
        raw = model(model.kind.prepare(batch.inputs))
        for name, task in model.tasks.items():
            present = batch.labels[name]["present"]
            total[name] += float(task.loss(raw[name].float(), batch.labels[name], None)[present].sum())
            count[name] += int(present.sum())
    model.train(was_training)
    return {name: total[name] / max(count[name], 1) for name in total}

"""What adapting costs the tasks that the model already knew. Measured, although frozen parameters leave nothing to lose."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from lepton.data.store import Samples
from lepton.sharing.base import Sharing
from lepton.training import predict


@dataclass(frozen=True)
class Snapshot:
    """Digests of a model's parameters and of its predictions on a split, and each task's own metric there."""

    parameters: str
    predictions: str
    metric: dict[str, float]


def snapshot(model: Sharing, samples: Samples, device: torch.device) -> Snapshot:
    """Of the model as it is now."""
    predicted = predict.predict(model, samples, device)
    evidence = predict.evidence(predicted, samples, model.tasks, model.kind.size)
    metric = {name: one.measure()[model.tasks[name].metric] for name, one in evidence.items()}
    fields = [value for task in sorted(predicted) for _, value in sorted(predicted[task].items())]
    state = [tensor.cpu().numpy() for _, tensor in sorted(model.state_dict().items())]
    return Snapshot(_digest(array.tobytes() for array in state), _digest(array.tobytes() for array in fields), metric)


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def forgetting(model: Sharing, before: Snapshot, after: Snapshot) -> dict[str, float]:
    """How much worse each old task has become, in the unit of its own metric; 0: nothing lost."""
    lost = {name: value - after.metric[name] for name, value in before.metric.items()}
    return {name: value if model.tasks[name].higher_is_better else 0.0 - value for name, value in lost.items()}

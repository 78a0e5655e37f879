"""Several models asked together: other seeds of one training, past champions, any that answer the same tasks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from lepton.data.store import Samples
from lepton.tasks.base import BaseTask
from lepton.training.predict import Predictions, evidence

Member = Callable[[Samples], Predictions]
NEAREST = 1e-3  # to a utility of 1 that is believed of a validation


def weights(tasks: Mapping[str, BaseTask], validated: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, np.ndarray]:
    """Weight of each member [M] per task: the inverse of what its utility lacks to 1, so twice the error is half the weight.

    validated: each member's metrics on the validation split; a task that was not measured there has equal weights.
    """
    found = {}
    for name, task in tasks.items():
        lacking = [1 - task.utility(one[name][task.metric]) if name in one else 1.0 for one in validated]
        found[name] = 1 / np.maximum(lacking, NEAREST)
    return found


def combine(
    tasks: Mapping[str, BaseTask],
    members: Sequence[Predictions],
    how: Literal["average", "majority"],
    weight: Mapping[str, np.ndarray] | None = None,
) -> Predictions:
    """What the members say together, per task as its kind has it. weight: [M] per task, above 0; None: equal.

    One member is left as it is, equal ones are too, and their order does not matter.
    """
    result: Predictions = {}
    for name, task in tasks.items():
        together = task.average if how == "average" else task.vote
        result[name] = together([one[name] for one in members], weight[name] if weight else np.ones(len(members)))
    return result


def ask(
    tasks: Mapping[str, BaseTask],
    members: Sequence[Member],
    samples: Samples,
    how: Literal["average", "majority"],
    valid: Samples | None,
    size: tuple[int, int],
) -> Predictions:
    """What the members say together of the samples.

    valid: where their weights come from; None: equal weights. size: height, width of the inputs.
    """
    weight = None
    if valid:
        found = [evidence(member(valid), valid, tasks, size) for member in members]
        weight = weights(tasks, [{name: told.measure() for name, told in one.items()} for one in found])
    return combine(tasks, [member(samples) for member in members], how, weight)

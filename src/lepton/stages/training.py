"""What relate, train and baseline have in common: prepared samples and a trainer on them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lepton import files
from lepton.data.store import Samples
from lepton.sharing.base import Sharing
from lepton.stages.runner import ARTIFACTS, Stage
from lepton.training.loop import Trainer

PREPARED = ARTIFACTS / "prepare"


@dataclass(frozen=True)
class Prepared:
    train: Samples
    valid: Samples
    weight_N: np.ndarray
    class_weights: dict[str, list[float] | None]

    @classmethod
    def load(cls) -> "Prepared":
        summary = files.read_json(PREPARED / "summary.json")
        weight_N = np.load(PREPARED / "train_weights.npy")
        return cls(Samples.load(PREPARED / "train"), Samples.load(PREPARED / "valid"), weight_N, summary["class_weights"])

    def trainer(self, stage: Stage, model: Sharing, lr: float, epochs: float, name: str, **options: Any) -> Trainer:
        """On the tasks of `model`. With one task, only its labelled rows are drawn."""
        tasks = list(model.tasks)
        train, weight_N = self.train.only(*tasks), self.weight_N
        if len(tasks) == 1:
            weight_N = self.train.labels[tasks[0]]["present"].astype(float)
        weights = {task: self.class_weights[task] for task in tasks}
        return Trainer(model, stage.params, train, self.valid.only(*tasks), weight_N, weights, lr, epochs, name, **options)


def log_epochs(stage: Stage, prefix: str = "") -> Callable[[dict[str, float], int], None]:
    """Sends every epoch's row to the tracker."""
    return lambda row, step: stage.tracker.log({prefix + key: value for key, value in row.items()}, step)


def write_history(path: Path, rows: Iterable[dict[str, float]]) -> None:
    files.write(path, lambda temporary: pd.DataFrame(list(rows)).to_csv(temporary, index=False))

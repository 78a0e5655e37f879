"""prepare: cleaned tables to memory-mapped splits, with the plan for balancing and augmentation."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lepton import files
from lepton.config import Params
from lepton.data.augment import allowed, in_words
from lepton.data.balance import row_weights
from lepton.data.split import SIDES, sides
from lepton.data.store import Samples
from lepton.stages.runner import ARTIFACTS, Stage, main
from lepton.tasks.base import BaseTask
from lepton.tasks.classification import Classification
from lepton.types import Source


def encode(table: pd.DataFrame, params: Params, tasks: Mapping[str, BaseTask]) -> Samples:
    kind = params.input
    source = Source(params.data.path, kind.size)
    labels = {name: task.encode(table[task.column], source) for name, task in tasks.items()}
    return Samples(kind.encode(table[kind.column], source), labels, table[params.data.id].astype(str).tolist())


def _new_task(column: str, labels: pd.Series) -> Classification:
    """The classes of a new task are those that its rows show."""
    return Classification(type="classification", column=column, classes=tuple(sorted(labels.dropna().unique().tolist())))


def work(stage: Stage) -> None:
    params = stage.params
    plan = params.prepare
    table = pd.read_parquet(ARTIFACTS / "clean/samples.parquet")
    groups = table[params.data.split.group or params.data.id]
    side_N = sides(groups, params.data.split)
    summary: dict = {"splits": {}, "class_weights": {}, "sampling": {}}
    for side in SIDES:
        samples = encode(table[side_N == side], params, params.tasks)
        present = {name: fields["present"] for name, fields in samples.labels.items()}
        summary["splits"][side] = {"rows": len(samples), "labels": {name: int(has.sum()) for name, has in present.items()}}
        samples.save(stage.out / side)
        if side == "train":
            for name, task in params.tasks.items():
                weights = task.balance(samples.labels[name], plan.power) if plan.classes == "weights" else None
                summary["class_weights"][name] = weights
            weight_N = row_weights(present, plan.power) if plan.tasks == "sampling" else np.ones(len(samples))
            files.write_array(stage.out / "train_weights.npy", weight_N)
            summary["sampling"] = {name: float((weight_N * has).sum() / weight_N.sum()) for name, has in present.items()}
    summary["augmentation"] = in_words(allowed(plan.augment, params.tasks.values()))
    new = pd.read_parquet(ARTIFACTS / "clean/new_tasks.parquet")
    tasks = {name: _new_task(task.column, new[task.column]) for name, task in params.new_tasks.items()}
    encode(new, params, tasks).save(stage.out / "new_tasks")
    summary["new_classes"] = {name: list(task.classes) for name, task in tasks.items()}
    files.write_json(stage.out / "summary.json", summary)


if __name__ == "__main__":
    main("prepare", work)

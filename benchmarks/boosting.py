"""Scikit-learn's gradient boosting for one task, as a job: the number of trees by the validation split, like a network's epochs."""

import time
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks import intervals, jobs
from benchmarks.trainings import Data

TREES = 200


def boost(source: tuple[Any, ...], task: str, leaves: int, lr: float) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """ROC-AUC on the validation split; class probabilities of every test row [N, 2]. leaves: at most, of a tree."""
    data: Data = jobs.call(*source)
    train, valid = data.train.labels[task], data.valid.labels[task]
    started = time.perf_counter()
    model = HistGradientBoostingClassifier(max_iter=TREES, max_leaf_nodes=leaves, learning_rate=lr, early_stopping=False)
    model.fit(data.train.inputs[train["present"]], train["class"][train["present"]])
    known = valid["present"]
    one = np.ones((1, int(known.sum())), np.float32)
    scores = [
        float(intervals.roc_auc(stage[:, 1], valid["class"][known] == 1, one)[0])
        for stage in model.staged_predict_proba(data.valid.inputs[known])
    ]
    best = int(np.argmax(scores))
    seconds = time.perf_counter() - started
    *_, tested = (stage for stage, _ in zip(model.staged_predict_proba(data.test.inputs), range(best + 1), strict=False))
    values = {"valid": {task: {"roc_auc": scores[best]}}, "seconds": seconds, "trees": best + 1}
    return values, {task: tested}

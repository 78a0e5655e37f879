"""The gain of every pair of tasks, predicted from the training rows before anything is trained."""

import numpy as np

from lepton.config import Params
from lepton.data.store import Samples
from lepton.relatedness import agop, calibration, untrained
from lepton.training import network

TRUNKS = 3  # fresh ones, so that the chance of one weighs less
DIVISIONS = 3  # into folds, likewise


def gains(params: Params, train: Samples) -> np.ndarray:
    """Percent of its metric that each task is predicted to gain by sharing with each other one [R, F, T, T].

    Of each of R divisions of the rows into F folds, from each fold held out.
    """
    plan = params.relate
    network.seeded(params.compute.seed, "relate", "features")
    random = np.random.default_rng(params.compute.seed)
    some = train.take(np.sort(random.permutation(len(train))[: plan.rows]))
    fresh = [network.build(params, params.tasks, "hard") for _ in range(TRUNKS)]
    features_ND = untrained.features(fresh, some, plan.features, random)
    described = {name: task.described(some.labels[name]) for name, task in params.tasks.items()}
    found = []
    for _ in range(DIVISIONS):
        fold_N = random.permutation(len(some)) % plan.folds
        tasks, on_rows = {}, dict[bytes, agop.Moments]()
        for name, y_NK in described.items():
            present_N = np.asarray(some.labels[name]["present"])
            rows = present_N.tobytes()
            tasks[name] = on_rows[rows] = agop.moments(features_ND, y_NK, present_N, fold_N, on_rows.get(rows))
        found.append(calibration.gains(*agop.gains(tasks)))
    return np.stack(found)

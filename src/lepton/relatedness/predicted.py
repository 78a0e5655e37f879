"""The gain of every pair of tasks, predicted from the training rows before anything is trained."""

import numpy as np

from lepton.config import Params
from lepton.data.store import Samples
from lepton.relatedness import agop, untrained
from lepton.training import network


def gains(params: Params, train: Samples) -> np.ndarray:
    """Percent of its error that each task is predicted to lose by sharing with each other one, of each fold [F, T, T]."""
    plan = params.relate
    network.seeded(params.compute.seed, "relate", "features")
    random = np.random.default_rng(params.compute.seed)
    some = train.take(np.sort(random.permutation(len(train))[: plan.rows]))
    features_ND = untrained.features(network.build(params, params.tasks, "hard"), some, plan.features, random)
    fold_N = random.permutation(len(some)) % plan.folds
    tasks = {}
    for name, task in params.tasks.items():
        labels = some.labels[name]
        tasks[name] = agop.moments(features_ND, task.described(labels), labels["present"], fold_N)
    return 100 * agop.gains(tasks)

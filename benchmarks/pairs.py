"""What every two tasks of a set gain from sharing a network, measured: all single tasks and all pairs, trained with several seeds.

Hard sharing, equal weights and the same rate for all, so that the one thing that differs is the company. The nets of a pair see
twice as many rows per epoch as those of a task, and each task as many as alone.
"""

import argparse
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import jobs, task_sets
from benchmarks.trainings import Training, changed, train
from lepton import files

SEEDS = {"tox21": 30, "omniglot": 10, "planted": 10}  # more tell the pairs apart better, and are hours of work

Key = tuple[tuple[str, ...], int]
"""The tasks of a network, and its seed."""


def trainings(name: str, folder: Path, seeds: int) -> dict[Key, jobs.Job]:
    params = task_sets.params(name, folder)
    tasks = list(params.tasks)
    found = {}
    for seed in range(seeds):
        for group in [*((task,) for task in tasks), *combinations(tasks, 2)]:
            source = "benchmarks.task_sets:load", name, folder, group
            one = Training(source, changed(params, seed, {}, {}), group, (params.train.lr,))
            found[group, seed] = jobs.Job(f"{name} {'+'.join(group)} {seed}", "benchmarks.pairs:values", (one,))
    return found


def values(training: Training) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What a training found, without its predictions: there are thousands of them."""
    return train(training)[0], {}


def measured(name: str, folder: Path, seeds: int, work: Path, processes: int) -> dict[str, Any]:
    """Test metrics of every task: `alone` [S][T], `paired` [S][T][T] beside each other one, None beside itself; seconds of all."""
    wanted = trainings(name, folder, seeds)
    by_name = jobs.finish(wanted.values(), work, processes)
    tasks = task_sets.params(name, folder).tasks
    found = {key: by_name[job.name].values for key, job in wanted.items()}

    def metric(task: str, group: tuple[str, ...], seed: int) -> float:
        return float(found[group, seed]["test"][task][tasks[task].metric])

    def together(one: str, other: str) -> tuple[str, ...]:
        return tuple(task for task in tasks if task in (one, other))

    return {
        "set": name,
        "tasks": list(tasks),
        "metric": {task: kind.metric for task, kind in tasks.items()},
        "alone": [[metric(one, (one,), seed) for one in tasks] for seed in range(seeds)],
        "paired": [
            [[None if one == other else metric(one, together(one, other), seed) for other in tasks] for one in tasks]
            for seed in range(seeds)
        ],
        "seconds": {
            kind: sum(one["seconds"] for (group, _), one in found.items() if len(group) == count) / seeds
            for kind, count in (("alone", 1), ("paired", 2))
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.pairs", description=__doc__)
    parser.add_argument("set", choices=task_sets.SETS)
    parser.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help="folder of the data sets (data)")
    parser.add_argument("--seeds", type=int, metavar="N", help="of every training (tox21 30, omniglot 10, planted 10)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the measured gains go")
    jobs.add_options(parser, "pairs")
    options = parser.parse_args()
    seeds = options.seeds or SEEDS[options.set]
    files.write_json(options.out, measured(options.set, options.data, seeds, options.work, options.jobs))


if __name__ == "__main__":
    main()

"""Does it help that training starts from relatedness? The same trainings with and without what relate has found.

Adaptive sharing, its degrees started from gradient affinity, against degrees of 1/2. Hard sharing with a trunk for each group of
largest predicted gain against one trunk for all. On the starter (the project needs what `make run` makes of it: artifacts/prepare,
artifacts/relate) and on the planted set. Δm is the mean over the tasks of the signed relative change of their metric on the test
split, in percent, with against without; its interval is Student's over seeds, each with itself.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks import harness, intervals, jobs, relatedness, sharing, task_sets
from benchmarks.trainings import Data, Training, changed
from lepton import config
from lepton.config import Params
from lepton.relatedness import predicted, starting, summary

COMPARED = {  # what relatedness decides: with it, without it; a way of sharing and whether it hears of it
    "starting degrees of adaptive sharing": (("adaptive", True), ("adaptive", False)),
    "a trunk for each group": (("groups", True), ("hard", False)),
}
SEEDS = {"starter": 5, "planted": 8}


@cache
def load(name: str, folder: Path, related: bool) -> Data:
    """folder: the project, or that of the data sets. related: whether the training hears of relatedness."""
    data = sharing.load(folder) if name == "starter" else planted(folder)
    return data if related else replace(data, alpha=None, groups=None)


@cache
def planted(folder: Path) -> Data:
    params = task_sets.params("planted", folder)
    data, tasks = task_sets.load("planted", folder, tuple(params.tasks)), list(params.tasks)
    found = summary.summary(tasks, predicted.gains(params, data.train), {}, None)
    trainer = relatedness.joint(params, data)
    alpha = starting.starting_alpha(tasks, relatedness.affinities(trainer, trainer.fit().grads)[0])
    return replace(data, alpha=alpha, groups=found["groups"])


def trainings(name: str, folder: Path, params: Params, seeds: int) -> dict[tuple[str, bool, int], jobs.Job]:
    found = {}
    for seed in range(seeds):
        for way, related in dict.fromkeys(side for sides in COMPARED.values() for side in sides):
            one = Training(
                ("benchmarks.starting:load", name, folder, related),
                changed(params, seed, {"sharing": way}, {}),
                tuple(params.tasks),
                (params.train.lr,),
            )
            words = f"{name} {way} {'related' if related else 'plain'} {seed}"
            found[way, related, seed] = one.job(words)
    return found


def main() -> None:
    parser = harness.parser("starting", __doc__)
    jobs.add_options(parser, "starting")
    parser.add_argument("--project", type=Path, default=Path("."), metavar="DIR", help="with params.yaml and artifacts/ (.)")
    parser.add_argument("--only", nargs="+", choices=SEEDS, default=list(SEEDS), metavar="SET", help="starter, planted (both)")
    options = parser.parse_args()
    rows = []
    for name in options.only:
        starter = name == "starter"
        folder = options.project if starter else options.data
        params = config.load(folder / "params.yaml") if starter else task_sets.params(name, folder)
        seeds = 1 if options.quick else SEEDS[name] * options.seeds
        wanted = trainings(name, folder, params, seeds)
        by_name = jobs.finish(wanted.values(), options.work, options.jobs)
        test = {key: by_name[job.name].values["test"] for key, job in wanted.items()}
        for words, (with_, without) in COMPARED.items():
            delta_ST = np.stack([sharing.deltas(params, test[*with_, seed], test[*without, seed]) for seed in range(seeds)])
            each = {f"Δ {task}": str(intervals.student(delta_ST[:, at])) for at, task in enumerate(params.tasks)}
            worst = min(each, key=lambda task: float(each[task].split()[0]))
            rows.append(
                {
                    "on": name,
                    "seeds": seeds,
                    "what relatedness decides": words,
                    "Δm, %": str(intervals.student(delta_ST.mean(1))),
                    "worst task, %": f"{worst.removeprefix('Δ ')} {each[worst]}",
                }
            )
    harness.save("starting", options, "with what relate found, against without", rows, [])


if __name__ == "__main__":
    main()

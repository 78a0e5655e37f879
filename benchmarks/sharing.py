"""Every way of sharing with the default weighting, every weighting with the default sharing and with hard, on the starter.

Single-task baselines have the same trunk, as many samples seen and a learning rate of their own, as in the stage `baseline`. Δ is
the signed relative change of a task's metric on the test split, in percent, Δm its mean over the tasks; each seed is compared with
the baselines of the same seed. Seconds, multiply-accumulates and parameters are shares of all single-task models' together.
The project needs artifacts/prepare and artifacts/relate: `make run` makes them.
"""

import argparse
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks import harness, intervals, jobs
from benchmarks.intervals import Interval
from benchmarks.trainings import Data, Training, changed
from lepton import config, files
from lepton.config import Params
from lepton.data.store import Samples
from lepton.evaluation.gain import delta_percent
from lepton.kinds import KINDS

BUDGET = 0.5  # largest share of the single-task models' seconds and parameters
GAIN, LOSS = 3.0, -1.0  # percent: Δm at least, Δ of each task at least

Way = tuple[str, str]  # sharing, weighting


@cache
def load(project: Path) -> Data:
    """What the stages prepare and relate have written."""
    folder = project / "artifacts"
    train, valid, test = (Samples.load(folder / "prepare" / side) for side in ("train", "valid", "test"))
    weights = files.read_json(folder / "prepare/summary.json")["class_weights"]
    related = files.read_json(folder / "relate/relatedness.json")
    return Data(train, valid, test, np.load(folder / "prepare/train_weights.npy"), weights, related["alpha"], related["groups"])


def ways(params: Params) -> list[Way]:
    """The default first; every sharing with the default weighting; every weighting with the default sharing and with hard."""
    sharing, weighting = params.model.sharing, params.train.weighting
    pairs = [(one, weighting) for one in KINDS["sharing"]]
    pairs += [(one, other) for one in dict.fromkeys([sharing, "hard"]) for other in KINDS["weighting"]]
    return list(dict.fromkeys([(sharing, weighting), *pairs]))


def trainings(params: Params, project: Path, seeds: Mapping[Way, int], epochs: int) -> dict[tuple[Way | str, int], jobs.Job]:
    """A way, or the one task of a baseline, and a seed to its job. seeds: of each way."""
    source = ("benchmarks.sharing:load", project)
    found: dict[tuple[Way | str, int], jobs.Job] = {}
    for seed in range(max(seeds.values())):
        for name in params.tasks:
            alone = changed(params, seed, {"sharing": "hard"}, {"epochs": epochs})
            found[name, seed] = Training(source, alone, (name,), params.baseline.lrs).job(f"single {name} {seed}")
        for way in [way for way, count in seeds.items() if seed < count]:
            one = changed(params, seed, {"sharing": way[0]}, {"weighting": way[1], "epochs": epochs})
            job = Training(source, one, tuple(params.tasks), (params.train.lr,)).job(f"{' '.join(way)} {seed}")
            found[way, seed] = job
    return found


def deltas(params: Params, ours: Mapping[str, Mapping[str, float]], single: Mapping[str, Mapping[str, float]]) -> np.ndarray:
    """Δ of each task [T], percent."""
    return np.array(
        [
            delta_percent(ours[name][task.metric], single[name][task.metric], task.higher_is_better)
            for name, task in params.tasks.items()
        ]
    )


def shares(ours: Mapping[str, float], singles: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """What a network costs, as a share of all single-task models together."""
    return {key: ours[key] / sum(one[key] for one in singles) for key in ("seconds", "macs", "parameters")}


def verdict(delta_S: Mapping[str, np.ndarray], equal: str = "equal") -> str:
    """Is any weighting better than equal weights, beyond what the number of comparisons and the seeds explain (Bonferroni)?"""
    others = {name: values - delta_S[equal] for name, values in delta_S.items() if name != equal}
    if len(delta_S[equal]) < 2:
        return "one seed cannot tell weightings apart"
    found = {name: intervals.student(values, 1 - 0.05 / len(others)) for name, values in others.items()}
    best = max(found, key=lambda name: found[name].mean)
    told = f"{best} {found[best].mean:+.2f} points of Δm ({found[best].low:+.2f} … {found[best].high:+.2f}) against equal weights"
    better = [name for name, one in found.items() if one.low > 0]
    return (
        f"better than equal weights: {', '.join(better)}; {told}" if better else f"equal weights suffice; the best other is {told}"
    )


def row(params: Params, way: Way, delta_ST: np.ndarray, costs: Sequence[Mapping[str, float]]) -> harness.Row:
    delta_m = intervals.student(delta_ST.mean(1))
    each = {f"Δ {name}": str(intervals.student(delta_ST[:, task])) for task, name in enumerate(params.tasks)}
    cost = {key: round(float(np.mean([one[key] for one in costs])), 3) for key in ("seconds", "macs", "parameters")}
    return {"sharing": way[0], "weighting": way[1], "Δm, %": str(delta_m), **each, **cost}


def claims(params: Params, delta_ST: np.ndarray, cost: Mapping[str, float]) -> list[harness.Claim]:
    """What the default has to show."""
    delta_m: Interval = intervals.student(delta_ST.mean(1))
    worst = int(delta_ST.mean(0).argmin())
    sure = None if np.isnan(delta_m.low) else delta_m.low
    return [
        harness.at_least("default: Δm, %", delta_m.mean, GAIN),
        harness.at_least("default: lower end of Δm's 95 % interval over seeds, %", sure, 0.0),
        harness.at_least(f"default: Δ of the worst task ({list(params.tasks)[worst]}), %", float(delta_ST.mean(0)[worst]), LOSS),
        harness.at_most("default: training seconds as a share of all single-task models'", cost["seconds"], BUDGET),
        harness.at_most("default: parameters as a share of all single-task models'", cost["parameters"], BUDGET),
    ]


def options() -> argparse.Namespace:
    parser = harness.parser("sharing", __doc__, seeds=5)
    jobs.add_options(parser, "sharing")
    parser.add_argument("--others", type=int, default=3, metavar="N", help="seeds of all but the default and its baselines (3)")
    parser.add_argument("--project", type=Path, default=Path("."), metavar="DIR", help="with params.yaml and artifacts/ (.)")
    parser.add_argument("--epochs", type=int, metavar="E", help="of every training (train.epochs of params.yaml)")
    parser.add_argument(
        "--only",
        nargs="*",
        metavar="NAME",
        help="of sharings and weightings; the default is there always, alone without names",
    )
    return parser.parse_args()


def main() -> None:
    given = options()
    params = config.load(given.project / "params.yaml")
    epochs = given.epochs or params.train.epochs
    chosen = ways(params)
    if given.only is not None:
        chosen = [way for way in chosen if way == chosen[0] or {*way} & {*given.only}]
    if given.quick:
        epochs, given.seeds, chosen = 1, 1, [chosen[0], ("hard", params.train.weighting)]
    seeds = {way: given.seeds if way == chosen[0] else min(given.others, given.seeds) for way in chosen}
    wanted = trainings(params, given.project, seeds, epochs)
    by_name = jobs.finish(wanted.values(), given.work, given.jobs)
    done = {key: by_name[job.name].values for key, job in wanted.items()}
    rows, delta, cost = [], {}, {}
    for way in chosen:
        runs = [done[way, seed] for seed in range(seeds[way])]
        singles = [[done[name, seed] for name in params.tasks] for seed in range(seeds[way])]
        if any("diverged" in one for one in runs):
            rows.append({"sharing": way[0], "weighting": way[1], "Δm, %": "diverged"})
            continue
        alone = [{name: one["test"][name] for name, one in zip(params.tasks, some, strict=True)} for some in singles]
        delta[way] = np.stack([deltas(params, one["test"], other) for one, other in zip(runs, alone, strict=True)])
        costs = [shares(one, some) for one, some in zip(runs, singles, strict=True)]
        cost[way] = {key: float(np.mean([one[key] for one in costs])) for key in costs[0]}
        rows.append(row(params, way, delta[way], costs))
    said = [] if given.quick or chosen[0] not in delta else claims(params, delta[chosen[0]], cost[chosen[0]])
    verdicts = []
    for sharing in dict.fromkeys([chosen[0][0], "hard"]):
        same = {weighting: values.mean(1)[: min(seeds.values())] for (one, weighting), values in delta.items() if one == sharing}
        if "equal" in same and len(same) > 1:
            verdicts.append(f"with {sharing} sharing: {verdict(same)}")
    counts = f"{given.seeds} seeds" + f" of the default, {min(seeds.values())} of the others" * (len(set(seeds.values())) > 1)
    setting = ". ".join([f"starter, {epochs} epochs, {counts}, against single-task models", *verdicts])
    harness.save("sharing", given, setting, rows, said)


if __name__ == "__main__":
    main()

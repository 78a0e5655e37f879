"""Tox21 (12 tasks, 17 % of the labels missing) and Adult (income and marital status): Lepton, single-task networks, boosting, MMoE.

Everyone chooses among six settings (two sizes, three learning rates) and among epochs or trees by the validation split, with one
seed; boosting and single-task networks do so for each task. The chosen setting is then trained with every seed and tested once.
ROC-AUC in percent, mean over the tasks; intervals by a paired bootstrap over test rows and seeds. The MMoE is torch-rechub's, in an
environment of its own (--peers PYTHON); it takes no missing labels and so no Tox21.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness, intervals, jobs, vectors
from benchmarks.trainings import Data, Training, changed
from benchmarks.vector import Vector
from lepton import blocks, config
from lepton.config import Params

LRS = (0.001, 0.003, 0.01)
SIZES = ((64, 32), (256, 128))  # channels of the trunk; layers of an expert
LEAVES, RATES = (15, 31), (0.03, 0.1, 0.3)  # of boosting
BRANCH = (16, 32)  # channels of each task
DROPOUT = 0.2
EPOCHS = {"Tox21": 20, "Adult": 10}
BATCH = {"Tox21": 64, "Adult": 256}
RESAMPLES, SEED = 500, 0
DEFAULT = "Lepton's default"
NETWORKS = {DEFAULT: blocks.Model().sharing, "hard sharing": "hard"}
ALONE, BOOSTING, MMOE = "single-task networks", "gradient boosting", "MMoE, torch-rechub"

Setting = tuple[Any, float]  # size or leaves, learning rate


@dataclass(frozen=True)
class Method:
    """units: what chooses a setting for itself: a task, or all of them at once ("all")."""

    units: tuple[str, ...]
    settings: tuple[Setting, ...]
    seeds: int


def params(name: str, features: int) -> Params:
    tasks = ", ".join(f"{task}: {{type: classification, column: {task}, classes: [0, 1]}}" for task in vectors.TASKS[name])
    text = f"{{data: {{path: data}}, inputs: {{x: {{type: image, column: x, size: [4, 4]}}}}, tasks: {{{tasks}}}}}"
    plain = config.parse(text)  # which knows no vectors: the image only holds their place
    kinds = {"inputs": {"x": Vector(features=features)}, "tasks": {task: vectors.binary(task) for task in vectors.TASKS[name]}}
    model = plain.model.model_copy(update={"branch": BRANCH, "dropout": DROPOUT})
    train = plain.train.model_copy(update={"epochs": EPOCHS[name], "batch_size": BATCH[name]})
    return plain.model_copy(update={**kinds, "model": model, "train": train})


def methods(name: str, seeds: int, peers: Path | None) -> dict[str, Method]:
    tasks, networks = vectors.TASKS[name], tuple(product(SIZES, LRS))
    found = {method: Method(("all",), networks, seeds) for method in NETWORKS}
    found[ALONE] = Method(tasks, networks, seeds)
    found[BOOSTING] = Method(tasks, tuple(product(LEAVES, RATES)), 1)
    return found | ({MMOE: Method(("all",), networks, seeds)} if peers and name == "Adult" else {})


def job(options: argparse.Namespace, name: str, plain: Params, method: str, unit: str, setting: Setting, seed: int) -> jobs.Job:
    source, (size, lr) = ("benchmarks.vectors:load", name, options.data, options.rows), setting
    words = f"{name} {method} {unit} {size} {lr:g} {seed}"
    if method == BOOSTING:
        return jobs.Job(words, "benchmarks.boosting:boost", (source, unit, size, lr))
    if method == MMOE:
        given = {
            "size": size,
            "lr": lr,
            "seed": seed,
            "dropout": DROPOUT,
            "epochs": options.epochs or EPOCHS[name],
            "batch": BATCH[name],
        }
        return jobs.Job(words, "benchmarks.missing_labels:mmoe", (source, options.peers, given))
    tasks = vectors.TASKS[name] if unit == "all" else (unit,)
    train = {"epochs": options.epochs or EPOCHS[name]}
    one = changed(plain, seed, {"sharing": NETWORKS.get(method, "hard"), "trunk": size}, train)
    return Training(source, one, tasks, (lr,)).job(words)


def mmoe(source: tuple[Any, ...], python: Path, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The peer's network in the peer's environment, on the same arrays."""
    data: Data = jobs.call(*source)
    arrays: dict[str, Any] = dict(given)
    for split in ("train", "valid", "test"):
        samples = getattr(data, split)
        arrays[split] = samples.inputs
        arrays[f"{split}_labels"] = np.stack([fields["class"] for fields in samples.labels.values()], 1).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        into, out = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(into, **arrays)
        subprocess.run([str(python), str(Path(__file__).parent / "rechub.py"), str(into), str(out)], check=True)
        found = np.load(out)
        values = {key: float(found[key]) for key in ("seconds", "parameters")}
        tested = {task: np.stack([1 - p, p], 1) for task, p in zip(data.test.labels, found["test"].T, strict=True)}
    return values | {"valid": {"all": {"roc_auc": float(found["valid"])}}}, tested


def judged(done: jobs.Done) -> float:
    """Mean ROC-AUC on the validation split; a training that diverged is the worst."""
    return float(np.mean([one["roc_auc"] for one in done.values["valid"].values()])) if "valid" in done.values else -1.0


def measured(data: Data, found: Mapping[str, list[list[jobs.Done]]]) -> dict[str, np.ndarray]:
    """Mean ROC-AUC in percent of each method: of the test rows, then of their resamples [R]. found: per method, seed, unit."""
    rng = np.random.default_rng(SEED)
    weight_RN = intervals.resampled(len(data.test), RESAMPLES, rng)
    result = {}
    for method, runs in found.items():
        scores = [{task: p for done in units for task, p in done.arrays.items()} for units in runs]
        value_STR = np.stack(
            [
                [
                    intervals.roc_auc(one[task][known, 1], fields["class"][known] == 1, weight_RN[:, known])
                    for task, fields in data.test.labels.items()
                    for known in [fields["present"]]
                ]
                for one in scores
            ]
        )
        result[method] = 100 * intervals.over_rows_and_seeds(value_STR.mean(1), rng)
    return result


def claims(name: str, found: Mapping[str, np.ndarray]) -> list[harness.Claim]:
    """The default is above single-task networks, and not significantly below any other; points of mean ROC-AUC."""
    gain = float(found[DEFAULT][0] - found[ALONE][0])
    result = [harness.at_least(f"{name}: default less single-task networks, points of ROC-AUC", gain, 0.0)]
    for other in found:
        if other not in (DEFAULT, ALONE):
            ahead = intervals.bootstrap(found[DEFAULT] - found[other])
            words = f"{name}: default less {other}, upper end of the 95 % interval, points of ROC-AUC"
            result.append(harness.at_least(words, ahead.high, 0.0))
    return result


def row(name: str, method: str, value_R: np.ndarray, runs: list[list[jobs.Done]], chosen: list[Setting]) -> harness.Row:
    seconds, parameters = (
        sum(done.values.get(key, 0) for units in runs for done in units) / len(runs) for key in ("seconds", "parameters")
    )
    setting = " ".join(map(str, chosen[0])) if len(chosen) == 1 else "of each task"
    mean = str(intervals.bootstrap(value_R))
    known = {"seconds": round(seconds, 1), "parameters": round(parameters) or None}
    return {"data": name, "method": method, "mean ROC-AUC, %": mean, "seeds": len(runs), **known, "setting": setting}


def compare(options: argparse.Namespace, name: str) -> tuple[list[harness.Row], list[harness.Claim]]:
    data = vectors.load(name, options.data, options.rows)
    plain = params(name, data.train.inputs.shape[1])
    rivals = methods(name, options.seeds, options.peers)
    tried = {
        (method, unit, setting): job(options, name, plain, method, unit, setting, SEED)
        for method, rival in rivals.items()
        for unit in rival.units
        for setting in rival.settings[: options.settings]
    }
    searched = jobs.finish(tried.values(), options.work, options.jobs)
    best: dict[tuple[str, str], Setting] = {}
    for method, rival in rivals.items():
        for unit in rival.units:
            mine = {
                setting: judged(searched[one.name]) for (how, who, setting), one in tried.items() if (how, who) == (method, unit)
            }
            best[method, unit] = max(mine, key=lambda setting: mine[setting])
    final = {
        (method, unit, seed): job(options, name, plain, method, unit, best[method, unit], seed)
        for method, rival in rivals.items()
        for unit in rival.units
        for seed in range(rival.seeds)
    }
    done = jobs.finish(final.values(), options.work, options.jobs)
    found = {
        method: [[done[final[method, unit, seed].name] for unit in rival.units] for seed in range(rival.seeds)]
        for method, rival in rivals.items()
    }
    values = measured(data, found)
    rows = [
        row(name, method, values[method], found[method], [best[method, unit] for unit in rivals[method].units]) for method in found
    ]
    if name == "Adult" and not options.peers:
        rows.append({"data": name, "method": MMOE, "mean ROC-AUC, %": "not measured"})
    return rows, claims(name, values)


def main() -> None:
    parser = harness.parser("missing_labels", __doc__, seeds=5)
    jobs.add_options(parser, "missing_labels")
    parser.add_argument("--epochs", type=int, metavar="E", help=f"of every network ({EPOCHS})")
    parser.add_argument(
        "--peers", type=Path, metavar="PYTHON", help="interpreter that has torch-rechub; without it no MMoE is measured"
    )
    options = parser.parse_args()
    options.rows, options.settings = 1_000_000, None
    if options.quick:
        options.rows, options.settings, options.epochs, options.seeds = 2000, 1, 2, 1
    parts = [compare(options, name) for name in vectors.TASKS]
    rows, said = ([one for part in some for one in part] for some in zip(*parts, strict=True))
    setting = f"mean ROC-AUC over the tasks on the test split, {options.seeds} seeds, settings chosen on the validation split"
    harness.save("missing_labels", options, setting, rows, [] if options.quick else said)


if __name__ == "__main__":
    main()

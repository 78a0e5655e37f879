"""Which measure of relatedness tells what two tasks gain from each other? Every score against the true gains of all pairs.

True gains are those of benchmarks.pairs: all single tasks and all pairs trained with several seeds, cached by DVC.
A pair's gain is the mean of both tasks' relative change of their metric on the test split. Correlations are over pairs, with 95 %
intervals from resampling pairs and seeds together; the noise ceiling is what the same measurement with other seeds would reach: its
split-half correlation by Spearman and Brown, and the root of that for a score without noise. Regret: mean gain per task of the best
grouping by true gains less that of the score's. Cost: seconds as a share of training all pairs once.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import pearsonr, spearmanr

from benchmarks import harness, intervals, task_sets
from benchmarks.trainings import Data, changed
from lepton import files
from lepton.config import Params
from lepton.relatedness import affinity, grouping, predicted, probe, similarity, summary, tag
from lepton.sharing.base import Sharing
from lepton.training import network
from lepton.training.loop import Trainer

TRUTH = Path(__file__).parent / "truth"
DEFAULT = "predicted gain"
RESAMPLES = 2000
SPEARMAN, REGRET, COST = 0.5, 2.0, 0.03  # bounds of the default; REGRET in percent
LOOKS = 8  # batches that the lookahead is a mean over
SEED = 0

Scores = dict[str, tuple[np.ndarray, float]]
"""Of each measure its scores [T, T], row gains from column, and seconds."""


@dataclass(frozen=True)
class Truth:
    """alone_ST: the metric of each task. paired_STT: of a beside b; nan beside itself. seconds: of training all pairs once."""

    tasks: list[str]
    alone_ST: np.ndarray
    paired_STT: np.ndarray
    seconds: float

    @classmethod
    def load(cls, path: Path) -> "Truth":
        found = files.read_json(path)
        return cls(found["tasks"], np.array(found["alone"]), np.array(found["paired"], float), found["seconds"]["paired"])

    def gain(self, seeds: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Percent [T, T], from the means over some seeds."""
        return 100 * (self.paired_STT[seeds].mean(0) / self.alone_ST[seeds].mean(0)[:, None] - 1)


def ceiling(truth: Truth, correlate: Callable[[np.ndarray, np.ndarray], Any], rng: np.random.Generator, draws: int = 200) -> float:
    """What a score without noise of its own would reach: the root of the reliability of the measured gains."""
    seeds, found = len(truth.alone_ST), []
    for _ in range(draws):
        order = rng.permutation(seeds)
        halves = (grouping.pairs(truth.gain(part)) for part in (order[: seeds // 2], order[seeds // 2 :]))
        found.append(correlate(*halves)[0])
    half = float(np.mean(found))
    return float(np.sqrt(max(0.0, 2 * half / (1 + half))))


def correlation(
    truth: Truth, score_TT: np.ndarray, correlate: Callable[[np.ndarray, np.ndarray], Any], rng: np.random.Generator
) -> intervals.Interval:
    """Of a score with the gains, over the pairs that have one."""
    score_P = grouping.pairs(score_TT)
    known = np.flatnonzero(np.isfinite(score_P))

    def value(pairs_: np.ndarray, seeds: np.ndarray | slice) -> float:
        return float(correlate(score_P[pairs_], grouping.pairs(truth.gain(seeds))[pairs_])[0])

    draws, seeds = [value(known, slice(None))], len(truth.alone_ST)
    while len(draws) <= RESAMPLES:
        chosen = rng.choice(known, len(known))
        if np.ptp(score_P[chosen]) > 0:
            draws.append(value(chosen, rng.integers(seeds, size=seeds)))
    return intervals.bootstrap(np.array(draws))


def regret(truth: Truth, score_TT: np.ndarray) -> float:
    """Percent of mean gain per task. A score that is no gain has no zero: its mean stands for it."""
    gain_TT, tasks = np.nan_to_num(truth.gain()), len(truth.tasks)
    best = grouping.total(gain_TT, grouping.partition(gain_TT, tasks))
    return (best - grouping.total(gain_TT, grouping.partition(np.nan_to_num(score_TT), tasks))) / tasks


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    return call(), time.perf_counter() - started


def predictions(params: Params, data: Data) -> Scores:
    gain_RFTT, seconds = timed(lambda: predicted.gains(params, data.train))
    gain_TT, error_TT = summary.mean_and_error(gain_RFTT)
    return {DEFAULT: (gain_TT, seconds), "groups of the default": (gain_TT - error_TT, seconds)}


def joint(params: Params, data: Data) -> Trainer:
    """The short joint training of the stage relate."""
    network.seeded(params.compute.seed, "relate")
    model = network.build(probe.narrow(params), params.tasks, "adaptive")
    epochs = params.relate.epochs
    return Trainer(model, params, data.train, None, data.weight_N, data.class_weights, params.train.lr, epochs, "relate")


def affinities(trainer: Trainer, grad_TP: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """As they are and without what all have in common [L, T, T]."""
    widths = [2 * width for width in trainer.model.structure.trunk]
    return affinity.affinity(grad_TP.numpy(), widths), affinity.apart(grad_TP.numpy(), widths)


def probed(params: Params, data: Data) -> Scores:
    """What a short joint training gives: affinities of gradients, alikeness of features, lookahead."""
    trainer, spent, ahead = joint(params, data), [0.0], tag.Ahead(LOOKS)

    def look(row: Mapping[str, float], step: int) -> None:
        spent[0] += timed(lambda: ahead.look(trainer, step))[1]

    trainer.on_epoch = look
    fit, seconds = timed(trainer.fit)
    seconds -= spent[0]
    assert fit.grad_TP is not None
    plain_LTT, apart_LTT = affinities(trainer, fit.grad_TP)
    found: Scores = {
        "gradient affinity": (apart_LTT.mean(0), seconds),
        "gradient affinity, uncorrected": (plain_LTT.mean(0), seconds),
        "lookahead (TAG)": (ahead.mean(), seconds + spent[0]),
    }
    alike, more = timed(lambda: of_features(trainer.model, params, data))
    return found | {f"features: {name}": (score_TT, seconds + more) for name, score_TT in alike.items()}


def of_features(model: Sharing, params: Params, data: Data) -> dict[str, np.ndarray]:
    found = probe.features(model, data.valid.take(np.arange(len(data.valid))[: params.relate.samples]))
    return similarity.compared([found[name] for name in params.tasks])


def labels(params: Params, data: Data) -> Scores:
    described = [task.described(data.train.labels[name]) for name, task in params.tasks.items()]
    present = [data.train.labels[name]["present"] for name in params.tasks]
    found, seconds = timed(lambda: similarity.label_correlation(described, present))
    return {"labels: correlation": (found, seconds)}


def scores(name: str, folder: Path, seed: int) -> Scores:
    params = changed(task_sets.params(name, folder), seed, {}, {})
    data = task_sets.load(name, folder, tuple(params.tasks))
    return predictions(params, data) | probed(params, data) | labels(params, data)


def measured(name: str, folder: Path, truth: Truth, seeds: int) -> list[harness.Row]:
    """A row per score, and one for the ceiling. Every score is asked with several seeds; correlations are those of their mean."""
    rng = np.random.default_rng(SEED)
    asked = [scores(name, folder, seed) for seed in range(seeds)]
    best = np.nan_to_num(truth.gain())
    top = {"spearman": ceiling(truth, spearmanr, rng), "pearson": ceiling(truth, pearsonr, rng)}
    value = grouping.total(best, grouping.partition(best, len(best))) / len(best)
    rows: list[harness.Row] = [
        {"set": name, "score": f"noise ceiling, {len(truth.alone_ST)} seeds", **top, "gain of the best groups, %": value}
    ]
    for score in asked[0]:
        mean_TT = np.mean([one[score][0] for one in asked], 0)
        row: harness.Row = {"set": name, "score": score}
        if np.isfinite(grouping.pairs(mean_TT)).sum() > 2:
            for word, correlate in (("spearman", spearmanr), ("pearson", pearsonr)):
                row[word] = str(correlation(truth, mean_TT, correlate, rng))
            shifted = mean_TT if "default" in score or score == DEFAULT else mean_TT - np.nanmean(grouping.pairs(mean_TT))
            row["regret, %"] = regret(truth, shifted)
        row["of all pairs"] = float(np.mean([one[score][1] for one in asked])) / truth.seconds
        rows.append(row)
    return rows


def main() -> None:
    parser = harness.parser("relatedness", __doc__, seeds=3)
    parser.add_argument(
        "--only", nargs="+", choices=task_sets.SETS, default=list(task_sets.SETS), metavar="SET", help="of the sets"
    )
    parser.add_argument("--truth", type=Path, default=TRUTH, metavar="DIR", help="measured gains, SET.json each (benchmarks/truth)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name in options.only:
        rows += measured(name, options.data, Truth.load(options.truth / f"{name}.json"), options.seeds)
    harness.save("relatedness", options, "true gains of all pairs", rows, [])


if __name__ == "__main__":
    main()

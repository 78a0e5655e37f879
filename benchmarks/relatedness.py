"""Which measure of relatedness tells what two tasks gain from each other? Every score against the true gains of all pairs.

True gains are those of benchmarks.pairs: all single tasks and all pairs trained with several seeds, cached by DVC.
A pair's gain is the mean of both tasks' relative change of their metric on the test split. Correlations are over pairs, with 95 %
intervals from resampling pairs and seeds together; the noise ceiling is what the same measurement with other seeds would reach: its
split-half correlation by Spearman and Brown, and the root of that for a score without noise. Regret: mean gain per task of the best
grouping by true gains less that of the score's. Cost: seconds as a share of training all pairs once.
Calibration of the prediction: the slope of the true gains of pairs on it, what is left at 0, and the share of the tasks' own gains
within its standard deviation and that of the measurement.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import pearsonr, spearmanr

from benchmarks import harness, intervals, task_sets
from benchmarks.multimnist import pictures
from benchmarks.trainings import Data, changed
from lepton import config, files
from lepton.config import Params
from lepton.data.store import Samples
from lepton.relatedness import affinity, grouping, predicted, probe, similarity, summary, tag
from lepton.sharing.base import Sharing
from lepton.training import network
from lepton.training.loop import Trainer

TRUTH = Path(__file__).parent / "truth"
DEFAULT = "predicted gain"
RESAMPLES = 2000
SPEARMAN, REGRET, COST = 0.5, 2.0, 0.03  # bounds of the default; REGRET in percent
ENOUGH = 2  # sets on which it has to keep the first of them
CORRELATIONS: dict[str, Callable[..., Any]] = {"spearman": spearmanr, "pearson": pearsonr}
SCALE_ROWS = 8000  # of the analysis of 10 and of 50 tasks
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

    def deviation(self) -> np.ndarray:
        """Standard error of the gains [T, T]."""
        each_STT = 100 * (self.paired_STT - self.alone_ST[:, :, None]) / self.alone_ST.mean(0)[:, None]
        return each_STT.std(0, ddof=1) / np.sqrt(len(each_STT))


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
    truth: Truth, asked_STT: np.ndarray, correlate: Callable[[np.ndarray, np.ndarray], Any], rng: np.random.Generator
) -> intervals.Interval:
    """Of a score with the gains, over the pairs that have one. asked_STT: the score by several seeds; the mean of theirs."""
    score_SP = np.stack([grouping.pairs(one) for one in asked_STT])
    known = np.flatnonzero(np.isfinite(score_SP).all(0))

    def value(asked: int, chosen: np.ndarray, seeds: np.ndarray | slice) -> float:
        return float(correlate(score_SP[asked, chosen], grouping.pairs(truth.gain(seeds))[chosen])[0])

    draws, seeds = [float(np.mean([value(one, known, slice(None)) for one in range(len(score_SP))]))], len(truth.alone_ST)
    while len(draws) <= RESAMPLES:
        asked, chosen = int(rng.integers(len(score_SP))), rng.choice(known, len(known))
        if np.ptp(score_SP[asked, chosen]) > 0:
            draws.append(value(asked, chosen, rng.integers(seeds, size=seeds)))
    return intervals.bootstrap(np.array(draws))


def regret(truth: Truth, score_TT: np.ndarray, gain: bool) -> float:
    """Percent of mean gain per task. gain: whether 0 means that nothing is gained; the mean of the pairs stands for it else."""
    gain_TT, tasks = np.nan_to_num(truth.gain()), len(truth.tasks)
    best = grouping.total(gain_TT, grouping.partition(gain_TT, tasks))
    shifted_TT = np.nan_to_num(score_TT if gain else score_TT - np.nanmean(grouping.pairs(score_TT)))
    return (best - grouping.total(gain_TT, grouping.partition(shifted_TT, tasks))) / tasks


def calibration(truth: Truth, gain_RFTT: np.ndarray) -> dict[str, float]:
    gain_TT, error_TT = summary.mean_and_error(gain_RFTT)
    slope, start = np.polyfit(grouping.pairs(gain_TT), grouping.pairs(truth.gain()), 1)
    off_TT = ~np.eye(len(gain_TT), dtype=bool)
    within_TT = np.abs(truth.gain() - gain_TT) <= np.hypot(error_TT, truth.deviation())
    return {"slope": float(slope), "at 0, %": float(start), "within ±": float(within_TT[off_TT].mean())}


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    return call(), time.perf_counter() - started


def loaded(name: str, folder: Path, seed: int) -> tuple[Params, Data]:
    params = changed(task_sets.params(name, folder), seed, {}, {})
    return params, task_sets.load(name, folder, tuple(params.tasks))


@cache
def prediction(name: str, folder: Path, seed: int) -> tuple[np.ndarray, float]:
    """Predicted gains [R, F, T, T], and seconds."""
    params, data = loaded(name, folder, seed)
    return timed(lambda: predicted.gains(params, data.train))


def joint(params: Params, data: Data) -> Trainer:
    """The short joint training of the stage relate."""
    network.seeded(params.compute.seed, "relate")
    model = network.build(probe.narrow(params), params.tasks, "adaptive")
    probe.alike(model)
    epochs = params.relate.epochs
    return Trainer(model, params, data.train, None, data.weight_N, data.class_weights, params.train.lr, epochs, "relate")


def affinities(trainer: Trainer, grads: list[torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """As they are and without what all have in common [L, T, T]."""
    grad_TP, trunk = np.mean([grad.numpy() for grad in grads], 0), trainer.model.structure.trunk
    return affinity.affinity(grad_TP, trunk), affinity.apart(grad_TP, trunk)


def probed(params: Params, data: Data) -> Scores:
    """What a short joint training gives: affinities of gradients, alikeness of features, lookahead."""
    trainer, spent, ahead = joint(params, data), [0.0], tag.Ahead(LOOKS)

    def look(row: Mapping[str, float], step: int) -> None:
        spent[0] += timed(lambda: ahead.look(trainer, step))[1]

    trainer.on_epoch = look
    fit, seconds = timed(trainer.fit)
    seconds -= spent[0]
    plain_LTT, apart_LTT = affinities(trainer, fit.grads)
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
    params, data = loaded(name, folder, seed)
    gain_RFTT, seconds = prediction(name, folder, seed)
    found: Scores = {DEFAULT: (summary.mean_and_error(gain_RFTT)[0], seconds)}
    return found | probed(params, data) | labels(params, data)


def measured(name: str, folder: Path, truth: Truth, seeds: int) -> tuple[list[harness.Row], list[harness.Claim]]:
    """A row per score, and one for the ceiling; what the default has to show."""
    rng = np.random.default_rng(SEED)
    asked = [scores(name, folder, seed) for seed in range(seeds)]
    calibrated = [calibration(truth, prediction(name, folder, seed)[0]) for seed in range(seeds)]
    top = {word: ceiling(truth, correlate, rng) for word, correlate in CORRELATIONS.items()}
    rows: list[harness.Row] = [{"set": name, "score": f"noise ceiling, {len(truth.alone_ST)} seeds", **top}]
    said = []
    for score in asked[0]:
        asked_STT = np.stack([one[score][0] for one in asked])
        cost = float(np.mean([one[score][1] for one in asked])) / truth.seconds
        row: harness.Row = {"set": name, "score": score, "spearman": None}
        if np.isfinite(grouping.pairs(asked_STT[0])).sum() > 2:
            found = {word: correlation(truth, asked_STT, correlate, rng) for word, correlate in CORRELATIONS.items()}
            lost = float(np.mean([regret(truth, one, score == DEFAULT) for one in asked_STT]))
            row |= {word: str(one) for word, one in found.items()} | {"regret, %": lost}
            if score == DEFAULT:
                row |= {word: float(np.mean([one[word] for one in calibrated])) for word in calibrated[0]}
                said = claims(name, found["spearman"], lost, cost)
        rows.append(row | {"of all pairs": cost})
    return rows, said


def claims(name: str, spearman: intervals.Interval, lost: float, cost: float) -> list[harness.Claim]:
    words = f"{name}: Spearman of the predicted gain"
    return [
        harness.at_least(words, spearman.mean, SPEARMAN),
        harness.at_least(f"{words}, lower end of its 95 % interval", spearman.low, 0.0),
        harness.at_most(f"{name}: regret of its grouping, % per task", lost, REGRET),
        harness.at_most(f"{name}: seconds, as a share of training all pairs once", cost, COST),
    ]


def found_truths(folder: Path, seeds: int) -> list[harness.Claim]:
    """Of the planted set: whose best partner is no duplicate of theirs, and who shares with noise; the most of any seed."""
    strangers, beside = [], []
    for seed in range(seeds):
        told = summary.summary(list(task_sets.params("planted", folder).tasks), prediction("planted", folder, seed)[0], {}, None)
        first = told["ranking"][0]
        strangers.append(int(not any({*first[:2]} <= family for family in task_sets.DUPLICATES)))
        beside.append(next(len(group) - 1 for group in told["groups"] if "noise" in group))
    return [
        harness.at_most("planted: seeds where a pair of strangers ranks above all duplicates", sum(strangers), 0),
        harness.at_most("planted: tasks grouped with the noise task, the most of any seed", max(beside), 0),
    ]


def analysed(folder: Path, tasks: int) -> float:
    """Seconds of the whole analysis of some tasks, on the same rows: halves of the kinds of clothing, drawn at random."""
    images, kinds = pictures(folder / "fashion_mnist", "train", SCALE_ROWS)
    rng = np.random.default_rng(SEED)
    halves = {f"half{number}": rng.permutation(10)[kinds] % 2 for number in range(tasks)}
    present = np.ones(len(images), bool)
    labels = {name: {"present": present, "class": half.astype(np.int64)} for name, half in halves.items()}
    samples = Samples(images[:, None], labels, [str(row) for row in range(len(images))])
    params = config.parse(task_sets.written(dict.fromkeys(halves, 2), **task_sets.TRAINED["planted"]))
    data = Data(samples, samples, samples, np.ones(len(images)), dict.fromkeys(halves))

    def analyse() -> None:
        gain_RFTT = predicted.gains(params, data.train)
        trainer = joint(params, data)
        trainer.fit()
        summary.summary(list(halves), gain_RFTT, of_features(trainer.model, params, data), None)

    return timed(analyse)[1]


def main() -> None:
    parser = harness.parser("relatedness", __doc__, seeds=3)
    parser.add_argument(
        "--only", nargs="+", choices=task_sets.SETS, default=list(task_sets.SETS), metavar="SET", help="of the sets"
    )
    parser.add_argument("--truth", type=Path, default=TRUTH, metavar="DIR", help="measured gains, SET.json each (benchmarks/truth)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds = 1 if options.quick else options.seeds
    rows: list[harness.Row] = []
    said: list[harness.Claim] = []
    for name in options.only:
        more, claimed = measured(name, options.data, Truth.load(options.truth / f"{name}.json"), seeds)
        rows, said = rows + more, said + claimed
    told = sum(all(claim.holds for claim in said if claim.claim.startswith(f"{name}: Spearman")) for name in options.only)
    said.append(harness.at_least("sets whose gains the prediction tells, interval above 0", told, min(ENOUGH, len(options.only))))
    said += found_truths(options.data, seeds)
    said.append(
        harness.at_most("seconds of analysing 50 tasks, over 10", analysed(options.data, 50) / analysed(options.data, 10), 2.0)
    )
    setting = f"true gains of all pairs by hard sharing, against what each score says of them; {seeds} seeds of every score"
    harness.save("relatedness", options, setting, rows, said)


if __name__ == "__main__":
    main()

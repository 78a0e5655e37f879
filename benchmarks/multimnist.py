"""MultiMNIST and Multi-Fashion+MNIST on LeNet: single-task, equal, uncertainty, MGDA and Lepton's default in one run.

Two pictures of 28 × 28 lie on one canvas of 36 × 36, top left and bottom right, brighter pixels win, and the canvas is shrunk to
28 × 28 (Sener & Koltun 2018, after Sabour et al. 2017; Lin et al. 2019 for a digit on the left and a piece of clothing on the
right). A tenth of the 60,000 pairs is for validation, 10,000 are for the test. Every method takes the best of the same learning
rates in the same probe. Published figures stand below; they come from other recipes, on all 60,000.
"""

import argparse
import gzip
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks import harness, intervals, jobs
from benchmarks.intervals import Interval
from benchmarks.trainings import Data, Training, changed
from lepton import blocks, config
from lepton.data.store import Samples
from lepton.errors import LeptonError

SIDE, SHIFT = 28, 8  # pixels: of a picture and of the result, and of the right one from the left
VALID = 0.1  # share of the training pictures
SEED = 0  # of the pairs
RESAMPLES = 1000
LRS = (0.001, 0.003, 0.01)
SIDES = ("left", "right")
SETS = {"MultiMNIST": ("mnist", "mnist"), "Multi-Fashion+MNIST": ("mnist", "fashion_mnist")}
DEFAULT = "Lepton's default"
METHODS: dict[str, dict[str, str]] = {  # changes of the network and of the training
    "equal weights": {"sharing": "hard", "weighting": "equal"},
    "uncertainty": {"sharing": "hard", "weighting": "uncertainty"},
    "MGDA": {"sharing": "hard", "weighting": "mgda"},
    DEFAULT: {"sharing": blocks.Model().sharing, "weighting": blocks.Train().weighting},
}
PUBLISHED = [  # data, method, epochs, left, right: Sener & Koltun 2018, table 3; Recon (Shi et al. 2023), table 1, with ResNet-18
    ("MultiMNIST", "published: single-task", 100, "97.23", "95.90"),
    ("MultiMNIST", "published: equal weights", 100, "96.46", "94.99"),
    ("MultiMNIST", "published: uncertainty", 100, "96.47", "95.29"),
    ("MultiMNIST", "published: MGDA-UB", 100, "97.26", "95.90"),
    ("Multi-Fashion+MNIST", "published: single-task, ResNet-18", 120, "98.37", "89.63"),
    ("Multi-Fashion+MNIST", "published: PCGrad + Recon, ResNet-18", 120, "98.30", "89.77"),
]
PARAMS = f"""
data: {{path: data/multimnist}}
inputs: {{image: {{type: image, column: image, size: [{SIDE}, {SIDE}], channels: 1}}}}
tasks:
  left: {{type: classification, column: left, classes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}}
  right: {{type: classification, column: right, classes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}}
compute: {{threads: 1}}
model: {{trunk_kind: lenet, trunk: [10, 20, 50], branch: [5, 10, 50]}}
train: {{batch_size: 256}}
"""


Pictures = tuple[np.ndarray, np.ndarray]
"""Grey pixels [N, 28, 28] and classes [N]."""


def idx(path: Path) -> np.ndarray:
    """A gzipped file in MNIST's own format: uint8 [N] or [N, 28, 28]."""
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise LeptonError(f"{path}: not there. Name the folder of mnist/ and fashion_mnist/ with --data DIR.") from None
    sizes = np.frombuffer(content, ">u4", content[3], 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)


def composed(left_NHW: np.ndarray, right_NHW: np.ndarray) -> np.ndarray:
    """Pairs of pictures on one canvas, shrunk to the size of one: uint8 [N, 1, 28, 28]."""
    canvas_NHW = np.zeros((len(left_NHW), SIDE + SHIFT, SIDE + SHIFT), np.uint8)
    canvas_NHW[:, :SIDE, :SIDE] = left_NHW
    canvas_NHW[:, SHIFT:, SHIFT:] = np.maximum(canvas_NHW[:, SHIFT:, SHIFT:], right_NHW)
    canvas_N1HW = torch.from_numpy(canvas_NHW)[:, None]
    return F.interpolate(canvas_N1HW, (SIDE, SIDE), mode="bilinear", antialias=True).numpy()


def paired(left: Pictures, right: Pictures, rng: np.random.Generator) -> Samples:
    """Every picture of both sides once, with a partner by chance."""
    order = {"left": rng.permutation(len(left[0])), "right": rng.permutation(len(right[0]))}
    inputs = composed(left[0][order["left"]], right[0][order["right"]])
    labels = {
        side: {"present": np.ones(len(inputs), bool), "class": classes[order[side]].astype(np.int64)}
        for side, (_, classes) in (("left", left), ("right", right))
    }
    return Samples(inputs, labels, [str(row) for row in range(len(inputs))])


def pictures(folder: Path, part: str, rows: int) -> Pictures:
    """part: `train` or `t10k`, MNIST's name of the test split. rows: at most so many."""
    return idx(folder / f"{part}-images-idx3-ubyte.gz")[:rows], idx(folder / f"{part}-labels-idx1-ubyte.gz")[:rows]


@cache
def load(name: str, folder: Path, rows: int) -> Data:
    """The pairs of one set. rows: at most so many pictures of each file."""
    rng = np.random.default_rng(SEED)
    left, right = (pictures(folder / one, "train", rows) for one in SETS[name])
    order = rng.permutation(len(left[0]))  # the same pictures on both sides, so that none is on two splits
    cut = round(VALID * len(order))
    valid, train = (
        paired((left[0][index], left[1][index]), (right[0][index], right[1][index]), rng) for index in (order[:cut], order[cut:])
    )
    test_left, test_right = (pictures(folder / one, "t10k", rows) for one in SETS[name])
    return Data(train, valid, paired(test_left, test_right, rng), np.ones(len(train)), dict.fromkeys(SIDES))


def trainings(options: argparse.Namespace) -> dict[tuple[str, str, int, str], jobs.Job]:
    """Set, method, seed and side (`both` for a multi-task network) to its job."""
    params = config.parse(PARAMS)
    found = {}
    for name in options.only:
        source = ("benchmarks.multimnist:load", name, options.data, options.rows)
        for seed in range(options.seeds):
            for method, change in METHODS.items():
                model, train = {"sharing": change["sharing"]}, {"weighting": change["weighting"], "epochs": options.epochs}
                one = Training(source, changed(params, seed, model, train), SIDES, options.lrs)
                found[name, method, seed, "both"] = one.job(f"{name} {method} {seed}")
            for side in SIDES:
                one = Training(source, changed(params, seed, {"sharing": "hard"}, {"epochs": options.epochs}), (side,), options.lrs)
                found[name, "single-task", seed, side] = one.job(f"{name} single-task {side} {seed}")
    return found


def measured(
    done: dict[tuple[str, str, int, str], jobs.Done], labels: dict[str, np.ndarray], name: str, seeds: int
) -> dict[str, dict[str, np.ndarray]]:
    """Accuracy in percent of each method on each side: of the test rows, then of each of their resamples [R]."""
    rng = np.random.default_rng(SEED)
    weight_RN = intervals.resampled(len(labels["left"]), RESAMPLES, rng)
    found: dict[str, dict[str, np.ndarray]] = {}
    for method in ("single-task", *METHODS):
        for side in SIDES:
            which = side if method == "single-task" else "both"
            predicted = [done[name, method, seed, which].arrays[side].argmax(1) for seed in range(seeds)]
            values = np.stack([intervals.accuracy(one == labels[side], weight_RN) for one in predicted])
            found.setdefault(method, {})[side] = 100 * intervals.over_rows_and_seeds(values, rng)
    return found


def claims(name: str, found: dict[str, dict[str, np.ndarray]]) -> list[harness.Claim]:
    """The default is not significantly below the best on either side, and above single-task on the mean; points of accuracy."""
    ours, result = found[DEFAULT], []
    for side in SIDES:
        best = max((method for method in found if method != DEFAULT), key=lambda method: found[method][side][0])
        ahead = intervals.bootstrap(ours[side] - found[best][side])
        words = f"{name}, {side}: default less the best other ({best}), upper end of the 95 % interval, points"
        result.append(harness.at_least(words, ahead.high, 0.0))
    mean = np.mean([ours[side] - found["single-task"][side] for side in SIDES], 0)
    result.append(harness.at_least(f"{name}: default less single-task, mean of both sides, points", float(mean[0]), 0.0))
    return result


def row(name: str, method: str, both: dict[str, Interval], seconds: float, parameters: int, epochs: int) -> harness.Row:
    sides = {f"{side}, %": str(one) for side, one in both.items()}
    return {"data": name, "method": method, "epochs": epochs, **sides, "seconds": round(seconds, 1), "parameters": parameters}


def main() -> None:
    parser = harness.parser("multimnist", __doc__, seeds=3)
    jobs.add_options(parser, "multimnist")
    parser.add_argument("--epochs", type=int, default=20, metavar="E", help="of every training (20)")
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS), metavar="SET", help=f"of {', '.join(SETS)} (all)")
    options = parser.parse_args()
    options.rows, options.lrs = 60_000, LRS
    if options.quick:
        options.rows, options.lrs, options.epochs, options.seeds = 3000, LRS[1:2], 2, 1
    wanted = trainings(options)
    by_name = jobs.finish(wanted.values(), options.work, options.jobs)
    done = {key: by_name[job.name] for key, job in wanted.items()}
    rows, said = [], []
    for name in options.only:
        test = load(name, options.data, options.rows).test
        labels = {side: test.labels[side]["class"] for side in SIDES}
        found = measured(done, labels, name, options.seeds)
        for method, sides in found.items():
            parts = [one.values for (data, how, _, _), one in done.items() if (data, how) == (name, method)]
            cost = [sum(part[key] for part in parts) / options.seeds for key in ("seconds", "parameters")]
            both = {side: intervals.bootstrap(values) for side, values in sides.items()}
            rows.append(row(name, method, both, cost[0], round(cost[1]), options.epochs))
        said += [] if options.quick else claims(name, found)
    columns = ("data", "method", "epochs", "left, %", "right, %")
    rows += [dict(zip(columns, published, strict=True)) for published in PUBLISHED if published[0] in options.only]
    setting = f"LeNet, {options.epochs} epochs, batch 256, {options.seeds} seeds, accuracy on the test split"
    harness.save("multimnist", options, setting, rows, said)


if __name__ == "__main__":
    main()

"""Three sets of eight or more tasks whose true pairwise gains are measured: Tox21, ten alphabets of Omniglot, and a planted one.

Networks are small and training is short, so that all pairs can be trained with several seeds. Rates, batches and rows are those of
a task alone: what a pair gains comes from the other task's labels and from nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks import vectors
from benchmarks.multimnist import pictures
from benchmarks.trainings import Data
from benchmarks.vector import Vector
from lepton import config
from lepton.config import Params
from lepton.data.balance import row_weights
from lepton.data.store import Samples
from lepton.errors import LeptonError

SEED = 0  # of what the sets are drawn by
ALPHABETS = (  # large ones, for test rows; of related scripts, so that there is something to find
    *("Armenian", "Asomtavruli_(Georgian)", "Mkhedruli_(Georgian)", "Bengali", "Grantha", "Gujarati", "Sanskrit"),
    *("Japanese_(hiragana)", "Japanese_(katakana)", "Korean"),
)
DRAWERS = {"train": 6, "valid": 3, "test": 11}  # people; each has drawn every character once
PLANTED = {"train": 400, "valid": 200, "test": 2000}  # rows of each task
TOX21 = {"train": 0.5, "valid": 0.15}  # shares of the molecules; the rest is the test split
FAMILY = (0, 1, 0, 2, 0, 3, 0, 3, 4, 3)  # of each kind of clothing: top, trouser, dress, shoe, bag
ROTATION = 3
DUPLICATES = {"clothes", "clothes_again", "clothes_rotated"}, {"digit", "digit_again"}  # of the planted set
TRAINED: dict[str, dict[str, object]] = {  # short, and long enough that a task alone has stopped getting better
    "tox21": {"kind": "strided", "trunk": [64, 32], "branch": [16, 32], "epochs": 4, "batch": 64, "lr": 0.003},
    "omniglot": {"kind": "lenet", "trunk": [8, 16, 64], "branch": [4, 8, 64], "epochs": 40, "batch": 32, "lr": 0.01},
    "planted": {"kind": "strided", "trunk": [8, 16, 32], "branch": [4, 8, 32], "epochs": 30, "batch": 32, "lr": 0.02},
}
PLAIN = """
data: {{path: data}}
inputs: {{image: {{type: image, column: image, size: [28, 28], channels: 1}}}}
tasks: {{{tasks}}}
compute: {{threads: 1}}
model: {{sharing: hard, trunk_kind: {kind}, trunk: {trunk}, branch: {branch}}}
prepare: {{tasks: none, classes: none}}
train: {{epochs: {epochs}, batch_size: {batch}, lr: {lr}, own_lr: 1.0, demand: 0.0}}
"""

Labelled = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Of every task its pictures [N, 28, 28] and their classes [N]."""


def disjoint(tasks: Labelled) -> Samples:
    """Every task on rows of its own."""
    inputs = np.concatenate([images for images, _ in tasks.values()])[:, None]
    ends = np.cumsum([len(images) for images, _ in tasks.values()])
    labels = {}
    for (name, (images, classes)), end in zip(tasks.items(), ends, strict=True):
        present, padded = np.zeros(len(inputs), bool), np.zeros(len(inputs), np.int64)
        present[end - len(images) : end], padded[end - len(images) : end] = True, classes
        labels[name] = {"present": present, "class": padded}
    return Samples(inputs, labels, [str(row) for row in range(len(inputs))])


def omniglot(folder: Path) -> tuple[Samples, ...]:
    """Ten alphabets, each a task of its own characters; people are divided between the splits."""
    path = folder / "omniglot/omniglot28_background.npz"
    if not path.exists():
        raise LeptonError(f"{path}: not there. Name the folder of omniglot/ with --data DIR.")
    file = np.load(path)
    number = {name: index for index, name in enumerate(file["alphabet_names"])}
    order = np.random.default_rng(SEED).permutation(20)
    ends = np.cumsum(list(DRAWERS.values()))
    sides = []
    for drawers in np.split(order, ends[:-1]):
        tasks = {}
        for name in ALPHABETS:
            images = file["images"][file["alphabet_id"] == number[name]][:, drawers]
            classes = np.repeat(np.arange(len(images)), len(drawers))
            tasks[task_of(name)] = images.reshape(-1, 28, 28), classes
        sides.append(disjoint(tasks))
    return tuple(sides)


def task_of(alphabet: str) -> str:
    return alphabet.removeprefix("Japanese_").removesuffix("_(Georgian)").strip("()").lower()


def planted(folder: Path) -> tuple[Samples, ...]:
    """Tasks on disjoint rows of Fashion-MNIST and MNIST, whose relations are known because they were made.

    clothes and clothes_again are one task; clothes_rotated is the same with its classes renamed; family is coarser. digit and
    digit_again are one task, of which parity is a part, and which has nothing to do with clothes. turn asks by how many quarters a
    piece of clothing was turned. noise has labels by chance.
    """
    rng = np.random.default_rng(SEED)
    parts = {one: [pictures(folder / one, part, 60_000) for part in ("train", "t10k")] for one in ("fashion_mnist", "mnist")}
    used = {(one, part): rng.permutation(len(parts[one][part][0])) for one in parts for part in (0, 1)}

    def take(one: str, part: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows that nobody has; of the test files, where there are too few, the same for several tasks."""
        images, classes = parts[one][part]
        chosen = used[one, part][:rows]
        used[one, part] = np.roll(used[one, part], -rows)
        return images[chosen], classes[chosen].astype(np.int64)

    sides = []
    for side, rows in PLANTED.items():
        part = int(side == "test")
        clothes = {name: take("fashion_mnist", part, rows) for name in ("clothes", "clothes_again", "clothes_rotated")}
        images, classes = clothes["clothes_rotated"]
        clothes["clothes_rotated"] = images, (classes + ROTATION) % 10
        images, classes = take("fashion_mnist", part, rows)
        clothes["family"] = images, np.array(FAMILY)[classes]
        digits = {name: take("mnist", part, rows) for name in ("digit", "digit_again", "parity")}
        digits["parity"] = digits["parity"][0], digits["parity"][1] % 2
        images, _ = take("fashion_mnist", part, rows)
        turns = rng.integers(4, size=rows)
        turned = np.stack([np.rot90(image, quarter) for image, quarter in zip(images, turns, strict=True)])
        images, _ = take("fashion_mnist", part, rows)
        sides.append(disjoint({**clothes, **digits, "turn": (turned, turns), "noise": (images, rng.integers(2, size=rows))}))
    return tuple(sides)


def tox21(folder: Path) -> tuple[Samples, ...]:
    """Twelve assays of the same molecules, 17 % of the labels missing; more rows for the test than in the usual split."""
    data = vectors.load("Tox21", folder, 1_000_000)
    sides = data.train, data.valid, data.test
    inputs = np.concatenate([side.inputs for side in sides])
    labels = {
        task: {field: np.concatenate([side.labels[task][field] for side in sides]) for field in ("present", "class")}
        for task in data.train.labels
    }
    whole = Samples(inputs, labels, [str(row) for row in range(len(inputs))])
    order = np.random.default_rng(SEED).permutation(len(inputs))
    ends = np.cumsum([round(share * len(inputs)) for share in TOX21.values()])
    return tuple(whole.take(rows) for rows in np.split(order, ends))


SETS: dict[str, Callable[[Path], tuple[Samples, ...]]] = {"tox21": tox21, "omniglot": omniglot, "planted": planted}


@cache
def splits(name: str, folder: Path) -> tuple[Samples, ...]:
    return SETS[name](folder)


@cache
def load(name: str, folder: Path, tasks: Sequence[str]) -> Data:
    """The rows that have a label of some of these tasks, each of which is drawn as often."""
    sides = []
    for side in splits(name, folder):
        known = np.any([side.labels[task]["present"] for task in tasks], axis=0)
        sides.append(side.only(*tasks).take(np.flatnonzero(known)))
    train, valid, test = sides
    weight_N = row_weights({task: fields["present"] for task, fields in train.labels.items()}, 0.0)
    weights = {
        task: vectors.binary(task).balance(fields, 0.5) if name == "tox21" else None for task, fields in train.labels.items()
    }
    return Data(train, valid, test, weight_N, weights)


def params(name: str, folder: Path) -> Params:
    train = splits(name, folder)[0]
    classes = {task: int(fields["class"].max()) + 1 for task, fields in train.labels.items()}
    plain = config.parse(written(classes, **TRAINED[name]))
    if name != "tox21":
        return plain
    tasks = {task: vectors.binary(task) for task in classes}
    return plain.model_copy(update={"inputs": {"x": Vector(features=train.inputs.shape[1])}, "tasks": tasks})


def written(classes: Mapping[str, int], **values: object) -> str:
    metric = {task: ", metric: roc_auc" if count == 2 else "" for task, count in classes.items()}
    tasks = ", ".join(
        f"{task}: {{type: classification, column: {task}, classes: {list(range(count))}{metric[task]}}}"
        for task, count in classes.items()
    )
    return PLAIN.format(tasks=tasks, **values)

"""Tiny tasks, networks and samples: a few kilobytes each, so that a law can be tried many times."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor

from lepton import blocks, config
from lepton.config import Params
from lepton.data.store import Samples
from lepton.inputs.image import Image
from lepton.kinds import KINDS
from lepton.kinds import load as load_kind
from lepton.sharing.base import Sharing
from lepton.tasks.base import BaseTask, Evidence
from lepton.tasks.classification import Classification
from lepton.tasks.detection import Detection
from lepton.tasks.multilabel import Multilabel
from lepton.tasks.ordinal import Ordinal
from lepton.tasks.regression import Regression
from lepton.tasks.segmentation import Segmentation
from lepton.types import Arrays, Batch

SIDE = 16
PARAMS = f"""
data: {{path: data/tiny}}
inputs: {{image: {{type: image, column: image, size: [{SIDE}, {SIDE}]}}}}
tasks:
  digit: {{type: classification, column: digit, classes: [0, 1, 2]}}
  objects: {{type: detection, column: objects, classes: [round, square], stride: 4, max_objects: 3}}
  ink: {{type: segmentation, column: ink, classes: [paper, ink]}}
  tilt: {{type: regression, column: tilt, range: [-40, 40], unit: degrees, moves_with: rotation}}
compute: {{threads: 1, device: cpu}}
model: {{trunk: [6, 8, 10], branch: [3, 4, 5]}}
train: {{epochs: 3, batch_size: 16}}
"""


WAYS: dict[str, dict[str, object]] = {
    **{way: {} for way in KINDS["sharing"]},
    "hard attention": {"sharing": "attention", "attention": "hard"},
    "experts of its own": {"sharing": "experts", "experts": 2, "own_experts": 2},
}
"""Every way of sharing, with the options of `model` that make another network of it."""


def params(**blocks: Mapping[str, object]) -> Params:
    """The tiny project, with keys of some blocks changed: params(train={"epochs": 1})."""
    plain = config.yaml.safe_load(PARAMS)
    for block, values in blocks.items():
        plain[block] = {**plain.get(block, {}), **values}
    return config.parse(config.yaml.safe_dump(plain))


def image(side: int = SIDE, channels: int = 3) -> Image:
    return Image(type="image", column="image", size=(side, side), channels=channels)


def digit(classes: int = 3, **options: object) -> Classification:
    return Classification(type="classification", column="digit", classes=tuple(range(classes)), **options)


def tilt(low: float = -40, high: float = 40, **options: object) -> Regression:
    return Regression(type="regression", column="tilt", range=(low, high), **options)


def objects(*classes: str, **options: object) -> Detection:
    values = {"type": "detection", "column": "objects", "classes": classes or ("round", "square"), "max_objects": 3, **options}
    return Detection.model_validate(values)


def ink(*classes: str) -> Segmentation:
    return Segmentation(type="segmentation", column="ink", classes=classes or ("paper", "ink"))


def tags(*classes: str, **options: object) -> Multilabel:
    return Multilabel.model_validate({"type": "multilabel", "column": "tags", "classes": classes or ("a", "b", "c"), **options})


def grade(classes: int = 4, **options: object) -> Ordinal:
    return Ordinal(type="ordinal", column="grade", classes=tuple(range(classes)), **options)


def tasks() -> dict[str, BaseTask]:
    """Four kinds, one of every shape of output."""
    return {"digit": digit(), "objects": objects(), "ink": ink(), "tilt": tilt()}


def every_kind() -> dict[str, BaseTask]:
    return {**tasks(), "tags": tags(), "grade": grade()}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def model(
    way: str = "adaptive",
    chosen: Mapping[str, BaseTask] | None = None,
    *,
    seed: int = 0,
    side: int = SIDE,
    trunk: Sequence[int] = (6, 8, 10),
    branch: Sequence[int] = (3, 4, 5),
) -> Sharing:
    """A network whose every number is drawn, norms and their running statistics too, so that nothing hides behind a 0 or a 1."""
    torch.manual_seed(seed)
    chosen = chosen or tasks()
    return scramble(fresh(way, image(side), chosen, trunk=tuple(trunk), branch=tuple(branch)))


def fresh(way: str, kind: Image, chosen: Mapping[str, BaseTask], **options: object) -> Sharing:
    """A network as training begins with it; of two groups where groups have trunks of their own."""
    plan = blocks.Model(**{"sharing": way, **WAYS[way], **options})
    cls = load_kind("sharing", plan.sharing)
    names = list(chosen)
    groups = [names[:1], names[1:]] if len(names) > 1 else [names]
    return cls(kind, chosen, cls.grouped(cls.plan(plan, chosen), groups))


@torch.no_grad()
def scramble(network: Sharing) -> Sharing:
    """Draws norms, their running statistics, the degrees of sharing and what mixes columns anew."""
    for name, value in (*network.named_parameters(), *network.named_buffers()):
        if "norm" in name and value.is_floating_point():
            value.uniform_(0.5, 1.5) if name.endswith(("weight", "running_var")) else value.uniform_(-0.3, 0.3)
        if name == "degree_TL" or (name.endswith("linear.weight") and name.startswith("links")):
            value.normal_()
        if "stitches" in name or (name.startswith("reads") and name.endswith("weight") and value.ndim == 2):
            value.uniform_(0.1, 1.0)
    return network


def way_of(model: Sharing) -> str:
    """Its name in WAYS."""
    plan = {"sharing": model.structure.sharing, **model.structure.options}
    own = [way for way, options in WAYS.items() if options and options.items() <= plan.items()]
    return own[0] if own else model.structure.sharing


def widths(model: Sharing) -> dict[str, tuple[int, ...]]:
    """The channels that it was planned with; where a task is as wide as the trunk, `branch` has no say."""
    return {"trunk": model.structure.trunk, "branch": model.structure.branch}


def reaches(model: Sharing, name: str, key: str) -> bool:
    """Does a task's loss depend on this parameter of the trunk? On all but those of other groups."""
    groups = model.structure.options.get("groups")
    return groups is None or name in groups[int(key.split(".")[2])]


def owners(model: Sharing, name: str) -> list[tuple[str, ...] | None]:
    """Of each dimension of a parameter or buffer: the tasks that its equal blocks belong to, None where it does not go by task.

    Heads, links and columns are modules of one task each, and no dimension goes by task.
    """
    room, *rest = name.split(".")
    everyone, level = tuple(model.tasks), int(rest[0]) if rest and rest[0].isdigit() else 0
    there = {"reads": model.structure.readers, "branches": model.structure.owners}.get(room)
    if there is not None:
        mixes = room == "reads" and model.structure.sharing == "cross_stitch"
        return [there[level], everyone if mixes else None]
    if room in ("norms", "gate_norms"):
        return [model.present(level)]
    if room in ("degree_TL", "fixed_TL", "gate"):
        return [everyone]
    return [everyone, everyone] if name.startswith("trunk.stitches") else [None]


def arrays(task: BaseTask, rows: int, random: np.random.Generator, missing: float = 0.3, side: int = SIDE) -> Arrays:
    """Random labels as `encode` makes them; about a share `missing` of the rows has none, one row has one for certain."""
    present = random.random(rows) >= missing
    present[random.integers(rows)] = True
    if isinstance(task, Classification | Ordinal):
        return {"present": present, "class": random.integers(len(task.classes), size=rows) * present}
    if isinstance(task, Regression):
        return {"present": present, "value": (random.uniform(*task.range, size=rows) * present).astype(np.float32)}
    if isinstance(task, Multilabel):
        applies = random.random((rows, len(task.classes))) < 0.4
        return {"present": present, "applies": (applies & present[:, None]).astype(np.float32)}
    if isinstance(task, Segmentation):
        mask = random.integers(len(task.classes), size=(rows, side, side), dtype=np.uint8)
        return {"present": present, "mask": mask * present[:, None, None].astype(np.uint8)}
    assert isinstance(task, Detection)
    shape = (rows, task.max_objects)
    number = random.integers(-1, len(task.classes), size=shape) * present[:, None] - ~present[:, None]
    size = random.uniform(2, side / 2, size=(*shape, 2))
    box = np.concatenate([random.uniform(size / 2, side - size / 2), size], -1) * (number >= 0)[..., None]
    return {"present": present, "box": box.astype(np.float32), "class": number.astype(np.int64)}


def samples(chosen: Mapping[str, BaseTask], rows: int, seed: int = 0, missing: float = 0.3, side: int = SIDE) -> Samples:
    """Random images with random labels."""
    random = np.random.default_rng(seed)
    inputs = random.integers(0, 256, (rows, 3, side, side), dtype=np.uint8)
    labels = {name: arrays(task, rows, random, missing, side) for name, task in chosen.items()}
    return Samples(inputs, labels, [str(row) for row in range(rows)])


def batch(chosen: Mapping[str, BaseTask], rows: int = 12, seed: int = 0, missing: float = 0.3, side: int = SIDE) -> Batch:
    """The same as the network sees it."""
    stored = samples(chosen, rows, seed, missing, side).batch(torch.arange(rows), torch.device("cpu"))
    return Batch(image(side).prepare(stored.inputs), stored.labels)


def stripes(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images of one bright stripe on noise, and which of three sorts it is: upright, lying, none."""
    random = np.random.default_rng(seed)
    inputs = random.integers(0, 120, (rows, 3, SIDE, SIDE), dtype=np.uint8)
    sort = random.integers(3, size=rows)
    for row, at in enumerate(random.integers(3, SIDE - 3, size=rows)):
        if sort[row] == 0:
            inputs[row, :, :, at - 1 : at + 1] = 255
        elif sort[row] == 1:
            inputs[row, :, at - 1 : at + 1, :] = 255
    return inputs, sort


def encoded(pixels: np.ndarray, form: str = "PNG") -> bytes:
    """Pixels [H, W] or [H, W, C] as the bytes of a file."""
    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, form)
    return file.getvalue()


def numpy(outputs: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {field: value.detach().numpy() for field, value in outputs.items()}


@dataclass
class Mean(Evidence):
    """Evidence whose metric is the mean of a number per row."""

    metric: str
    values_N: np.ndarray

    def rows(self) -> np.ndarray:
        return np.arange(len(self.values_N))

    def measure(self, rows: np.ndarray | None = None) -> dict[str, float]:
        return {self.metric: float(self.values_N[slice(None) if rows is None else rows].mean())}

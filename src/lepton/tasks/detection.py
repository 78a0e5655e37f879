"""Objects as centres on a heat map with a size each: CenterNet (Zhou et al. 2019, arXiv 1904.07850), average precision.

Peaks are found by max-pooling, without a jump, so an exported model needs no non-maximum suppression.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from lepton import narrow
from lepton.blocks import Validate
from lepton.errors import LeptonError
from lepton.tasks import voting, weighted_boxes_fusion
from lepton.tasks.average_precision import IOUS, BoxEvidence, match
from lepton.tasks.base import BaseTask, Distinct, Evidence, Head, Level, no_list
from lepton.tasks.pyramid import Pyramid
from lepton.types import Arrays, Expectation, Labels, Outputs, Source, Warp

BOX = 5  # numbers of a pixel before its classes: is a centre there, and the box
KEPT = 20  # most confident boxes of an image that are measured
FLOOR = 0.01  # least confidence of a box that is measured
KEYS = ("label", "x", "y", "w", "h")  # of a box in the table
SHOWN = 0.3  # least confidence of a box that is drawn
LEAK = 0.1  # slope of the head's channels below 0


def no_boxes(cell: Any) -> str:
    """What keeps a cell from being a list of boxes; empty when nothing does."""
    if wrong := no_list(cell):
        return wrong
    for box in cell:
        if not isinstance(box, Mapping):
            return f"has a {type(box).__name__} in its list"
        if lacking := [key for key in KEYS if box.get(key) is None]:
            return f"has a box without {', '.join(lacking)}"
        if words := [key for key in KEYS[1:] if isinstance(box[key], str)]:
            return f"has a box whose {words[0]} is text"
    return ""


def most_confident(score_PK: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place and class of the detections of one row that are measured, most confident first."""
    place_D, class_D = np.nonzero(score_PK > FLOOR)
    order = np.argsort(-score_PK[place_D, class_D], kind="stable")[:KEPT]
    return place_D[order], class_D[order]


class CentreHead(Head):
    """[B, 5 + K, h, w] at one pixel per stride: centre logit, centre offset x, y and log width, height in strides, class logits."""

    def __init__(self, levels: Sequence[Level], classes: int, dropout: float):
        super().__init__()
        channels = levels[0].channels
        self.pyramid = Pyramid([level.channels for level in levels])
        self.mix = nn.Conv2d(channels, channels, 3, padding=1)
        self.dropout = nn.Dropout(dropout)
        self.said = nn.Conv2d(channels, BOX + classes, 1)
        assert self.said.bias is not None
        with torch.no_grad():
            self.said.bias[0] = -4.0  # objects are rare among pixels

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        mixed = F.leaky_relu(self.mix(self.pyramid(features)), LEAK)  # under ReLU half of the channels were dead by the first epoch
        return self.said(self.dropout(mixed))

    def narrow(self, kept: Sequence[Tensor]) -> None:
        self.pyramid.narrow(kept)
        self.mix = narrow.conv(self.mix, out=kept[0], into=kept[0])
        self.said = narrow.conv(self.said, into=kept[0])


class Detection(BaseTask):
    """The column holds, per row, a list of {label, x, y, w, h}: pixels, from the top left; an empty list says there is nothing."""

    type: Literal["detection"]
    classes: Annotated[tuple[int | str, ...], Field(min_length=1), Distinct]
    stride: Annotated[int, Field(ge=2)] = 4  # input pixels per pixel of the heat map; a level of the trunk must have it
    max_objects: Annotated[int, Field(ge=1)] = 16  # per image; more are refused as impossible

    metric: ClassVar[str] = "ap50"
    higher_is_better: ClassVar[bool] = True

    def faults(self, column: pd.Series, source: Source) -> dict[str, pd.Series]:
        for row, (cell, has) in enumerate(zip(column, column.notna(), strict=True)):
            if has and (wrong := no_boxes(cell)):
                raise LeptonError(f"needs a list of {{{', '.join(KEYS)}}} per row, and row {row} {wrong}")
        height, width = source.size

        def at_fault(test: Callable[[Sequence[Mapping]], bool]) -> pd.Series:
            found = [has and test(boxes) for boxes, has in zip(column, column.notna(), strict=True)]
            return pd.Series(found, index=column.index, dtype=bool)

        def inside(b: Mapping) -> bool:
            return b["w"] > 0 and b["h"] > 0 and min(b["x"], b["y"]) >= 0 and b["x"] + b["w"] <= width and b["y"] + b["h"] <= height

        return {
            "unknown class": at_fault(lambda boxes: any(b["label"] not in self.classes for b in boxes)),
            "box outside image": at_fault(lambda boxes: not all(map(inside, boxes))),
            "too many boxes": at_fault(lambda boxes: len(boxes) > self.max_objects),
        }

    def expectations(self, limits: Validate) -> list[Expectation]:
        never, rarely = {"value_set": [False]}, 1 - limits.max_invalid
        known = f"Fix the export or add the class to classes ({', '.join(map(str, self.classes))}) in params.yaml."
        inside = "Boxes are {label, x, y, w, h} in pixels from the top left, inside the image, with w and h above 0."
        crowd = f"Raise max_objects ({self.max_objects}) in params.yaml."
        name = "expect_column_values_to_be_in_set"
        return [
            Expectation(f"{self.column}: unknown class", name, never, known),
            Expectation(f"{self.column}: box outside image", name, never, inside, rarely),
            Expectation(f"{self.column}: too many boxes", name, never, crowd),
        ]

    def encode(self, column: pd.Series, source: Source) -> Arrays:
        index = {name: number for number, name in enumerate(self.classes)}
        box_NM4 = np.zeros((len(column), self.max_objects, 4), np.float32)
        class_NM = np.full((len(column), self.max_objects), -1, np.int64)
        present = column.notna().to_numpy()
        for row in np.flatnonzero(present):
            for slot, box in enumerate(column.iloc[row]):
                box_NM4[row, slot] = box["x"] + box["w"] / 2, box["y"] + box["h"] / 2, box["w"], box["h"]
                class_NM[row, slot] = index[box["label"]]
        return {"present": present, "box": box_NM4, "class": class_NM}

    def describe(self, labels: Arrays) -> dict[str, np.ndarray]:
        class_NM = labels["class"]
        count_NK = np.stack([(class_NM == number).sum(1) for number in range(len(self.classes))], 1)
        return {"classes": count_NK, "objects": count_NK.sum(1)}

    def move(self, labels: Labels, warp: Warp) -> Labels:
        """Centres move exactly; sizes become those around the moved ellipse that each box frames. Centres that leave end."""
        box_BM4 = labels["box"]
        half = 0.5  # boxes count from the corner of the first pixel, the warp from its centre
        centre = (box_BM4[..., :2] - half) @ warp.matrix_B23[:, :, :2].mT + warp.matrix_B23[:, None, :, 2] + half
        size = (box_BM4[..., 2:] ** 2 @ (warp.matrix_B23[:, :, :2] ** 2).mT).sqrt()
        limit = torch.tensor([warp.size[1], warp.size[0]], device=centre.device)
        inside = ((centre >= 0) & (centre < limit)).all(-1)
        return {**labels, "box": torch.cat([centre, size], -1), "class": labels["class"].where(inside, -1)}

    def levels(self, depth: int) -> Sequence[int]:
        """From that of the heat map to the last."""
        return [level for level in range(depth) if 2 ** (level + 1) >= self.stride] or [depth - 1]

    def head(self, levels: Sequence[Level], size: tuple[int, int], dropout: float) -> Head:
        if levels[0].stride != self.stride:
            known = ", ".join(str(2**power) for power in range(1, levels[-1].stride.bit_length()))
            raise LeptonError(f"params.yaml: {self.column}: no level of the trunk has stride {self.stride}. Known: {known}.")
        if size[0] % self.stride or size[1] % self.stride:  # predictions are shares of the heat map, and so of the image
            raise LeptonError(f"params.yaml: the input's size {list(size)} is no multiple of {self.column}'s stride {self.stride}.")
        return CentreHead(levels, len(self.classes), dropout)

    def loss(self, raw: Tensor, labels: Labels, class_weights_K: Tensor | None) -> Tensor:
        """Penalty-reduced focal loss on the centres, L1 on the boxes and cross-entropy on the classes at them, per object.

        CenterNet's eq. 1-4 with one heat map for all classes, as in its two-stage successor (Zhou et al. 2021, arXiv 2103.07461):
        where things are is learned first, and a class only where there is one. With a map per class, small networks spent hundreds
        of steps saying "nothing anywhere".
        """
        box_BM4, class_BM = labels["box"], labels["class"]
        real_BM = class_BM >= 0
        height, width = raw.shape[2:]
        at_BM2 = box_BM4[..., :2] / self.stride
        cell_BM2 = at_BM2.floor().long()
        cell_BM2 = torch.stack([cell_BM2[..., 0].clamp(0, width - 1), cell_BM2[..., 1].clamp(0, height - 1)], -1)

        def bell(axis: int, length: int) -> Tensor:
            sigma = (box_BM4[..., 2 + axis] / self.stride / 6).clamp(min=0.4)
            distance = torch.arange(length, device=raw.device) - cell_BM2[..., axis, None]
            return torch.exp(-(distance**2) / (2 * sigma[..., None] ** 2))

        bell_BMhw = bell(1, height)[..., :, None] * bell(0, width)[..., None, :] * real_BM[..., None, None]
        target = bell_BMhw.amax(1)
        logits = raw[:, 0]
        chance = logits.sigmoid()
        positive = target == 1
        focal = torch.where(
            positive, (1 - chance) ** 2 * F.logsigmoid(logits), (1 - target) ** 4 * chance**2 * F.logsigmoid(-logits)
        )
        count_B = real_BM.sum(1).clamp(min=1)
        flat = (cell_BM2[..., 1] * width + cell_BM2[..., 0])[:, None].expand(-1, raw.shape[1], -1)
        there_BMO = raw.flatten(2).gather(2, flat).mT
        wanted_BM4 = torch.cat([at_BM2 - cell_BM2 - 0.5, (box_BM4[..., 2:] / self.stride).clamp(min=1e-3).log()], -1)
        boxes_BM = (there_BMO[..., 1:BOX] - wanted_BM4).abs().sum(-1)
        classes_BM = F.cross_entropy(there_BMO[..., BOX:].mT, class_BM.clamp(min=0), reduction="none")
        return (((boxes_BM + classes_BM) * real_BM).sum(1) - focal.sum((1, 2))) / count_B

    def predict(self, raw: Tensor) -> Outputs:
        """score [B, h·w, K], near 0 off the peaks; box [B, h·w, 4] as x, y, w, h from the top left, in shares of the image."""
        height, width = raw.shape[2:]
        chance = raw[:, :1].sigmoid()
        share = chance / F.max_pool2d(chance, 3, stride=1, padding=1).clamp(min=1e-12)
        for _ in range(6):  # to the power of 64: near 0 beside a peak, and no jump where two neighbours are nearly equal
            share = share * share
        peak = chance * share * raw[:, BOX:].softmax(1)
        y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        span = torch.tensor([width, height], dtype=raw.dtype, device=raw.device)[None, :, None, None]
        centre = (raw[:, 1:3] + torch.stack([x, y]).to(raw)) / span
        size = (raw[:, 3:BOX].clamp(max=8).exp() / span).clamp(max=1)
        box = torch.cat([centre - size / 2, size], 1)
        return {"score": peak.flatten(2).mT, "box": box.flatten(2).mT}

    def objects(self, predicted: Mapping[str, np.ndarray], row: int, size: tuple[int, int]) -> list[dict]:
        """Detections of one row, most confident first: {label, score, x, y, w, h} in pixels."""
        score_PK, box_P4 = predicted["score"][row], predicted["box"][row]
        height, width = size
        return [
            {
                "label": self.classes[number],
                "score": float(score_PK[place, number]),
                **dict(zip("xywh", (box_P4[place] * (width, height, width, height)).tolist(), strict=True)),
            }
            for place, number in zip(*most_confident(score_PK), strict=True)
        ]

    def compare(self, predicted: Mapping[str, np.ndarray], labels: Arrays, size: tuple[int, int]) -> Evidence:
        rows = np.flatnonzero(labels["present"])
        number_of = {name: number for number, name in enumerate(self.classes)}
        truth, found = [], []
        truth_NK = np.zeros((len(rows), len(self.classes)))
        for image, row in enumerate(rows):
            for box, number in zip(labels["box"][row].tolist(), labels["class"][row], strict=True):
                if number >= 0:
                    x, y, w, h = box
                    truth_NK[image, number] += 1
                    corner = [x - w / 2, y - h / 2, w, h]
                    truth.append({"image_id": image, "category_id": int(number), "bbox": corner, "area": w * h, "iscrowd": 0})
            for item in self.objects(predicted, int(row), size):
                corner = [item[side] for side in "xywh"]
                found.append({"image_id": image, "category_id": number_of[item["label"]], "bbox": corner, "score": item["score"]})
        matches = match(truth, found, len(rows), len(self.classes))
        none = np.zeros(0)
        row_D, class_D, score_D = (np.concatenate([m[i] for m in matches] or [none]) for i in range(3))
        hit_DI = np.concatenate([m[3] for m in matches] or [np.zeros((0, len(IOUS)))])
        order = np.argsort(-score_D, kind="mergesort")
        return BoxEvidence(rows, row_D[order].astype(int), class_D[order].astype(int), hit_DI[order], truth_NK)

    def average(self, members: Sequence[Arrays], weight_M: np.ndarray) -> Arrays:
        """Per cell of the heat map: the mean score, and the mean box weighted by score besides."""
        score = voting.average([one["score"] for one in members], weight_M)
        sure_MNP1 = np.stack([one["score"].max(2, keepdims=True) for one in members]).astype(float).clip(min=1e-12)
        return {"score": score, "box": voting.average([one["box"] for one in members], weight_M[:, None, None, None] * sure_MNP1)}

    def vote(self, members: Sequence[Arrays], weight_M: np.ndarray) -> Arrays:
        """The boxes that weighted boxes fusion finds, in as many places as the fullest row needs."""
        rows = []
        for row in range(len(members[0]["score"])):
            found = []
            for one in members:
                place_D, class_D = most_confident(one["score"][row])
                found.append((one["score"][row, place_D, class_D], class_D, one["box"][row, place_D]))
            rows.append(weighted_boxes_fusion.fuse(found, weight_M))
        places = max(len(score_D) for score_D, _, _ in rows)
        score_NPK = np.zeros((len(rows), places, len(self.classes)), np.float32)
        box_NP4 = np.zeros((len(rows), places, 4), np.float32)
        for row, (score_D, class_D, box_D4) in enumerate(rows):
            score_NPK[row, np.arange(len(score_D)), class_D], box_NP4[row, : len(score_D)] = score_D, box_D4
        return {"score": score_NPK, "box": box_NP4}

    def score(self, raw: Tensor) -> Tensor:
        return raw[:, 0].amax((1, 2))

    def show_label(self, labels: Arrays, row: int) -> Any:
        if not labels["present"][row]:
            return None
        boxes = zip(labels["box"][row].tolist(), labels["class"][row], strict=True)
        return [{"label": self.classes[c], "x": x - w / 2, "y": y - h / 2, "w": w, "h": h} for (x, y, w, h), c in boxes if c >= 0]

    def show_prediction(self, predicted: Mapping[str, np.ndarray], row: int, size: tuple[int, int]) -> Any:
        return [item for item in self.objects(predicted, row, size) if item["score"] >= SHOWN]

"""A class for every pixel: cross-entropy, mean intersection over union of the classes after the first (background)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from lepton import narrow
from lepton.blocks import Validate
from lepton.inputs.image import decode, resample
from lepton.tasks import voting
from lepton.tasks.base import BaseTask, Distinct, Evidence, Head, Level, inverse_frequency
from lepton.tasks.pyramid import Pyramid
from lepton.types import Arrays, Expectation, Labels, Outputs, Source, Warp


class OverlapEvidence(Evidence):
    """Intersection and union, in pixels, of each labelled row and class [N, K]."""

    def __init__(self, row_N: np.ndarray, intersection_NK: np.ndarray, union_NK: np.ndarray):
        self.row_N, self.intersection_NK, self.union_NK = row_N, intersection_NK, union_NK

    def rows(self) -> np.ndarray:
        return self.row_N

    def measure(self, rows: np.ndarray | None = None) -> dict[str, float]:
        chosen = slice(None) if rows is None else rows
        union_K = self.union_NK[chosen].sum(0)
        iou_K = self.intersection_NK[chosen].sum(0) / np.maximum(union_K, 1)
        seen = iou_K[1:][union_K[1:] > 0]  # a class in neither prediction nor truth says nothing
        return {"iou": float(seen.mean()) if seen.size else 0.0, "iou_background": float(iou_K[0])}


class PixelHead(Head):
    """Top-down over the levels, then as many classes per pixel as the finest level has sub-pixels."""

    def __init__(self, levels: Sequence[Level], classes: int, size: tuple[int, int], dropout: float):
        super().__init__()
        self.size = size
        self.pyramid = Pyramid([level.channels for level in levels])
        self.dropout = nn.Dropout(dropout)
        self.pixels = nn.Conv2d(levels[0].channels, classes * levels[0].stride ** 2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(levels[0].stride)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        pixels = self.shuffle(self.pixels(self.dropout(self.pyramid(features))))
        height, width = self.size
        return pixels if pixels.shape[2:] == self.size else pixels[:, :, :height, :width]  # where a side was odd

    def narrow(self, kept: Sequence[Tensor]) -> None:
        self.pyramid.narrow(kept)
        self.pixels = narrow.conv(self.pixels, into=kept[0])


class Segmentation(BaseTask):
    """The column holds an encoded image (or a file name) whose pixel values are class numbers."""

    type: Literal["segmentation"]
    classes: Annotated[tuple[str, ...], Field(min_length=2, max_length=255), Distinct]

    metric: ClassVar[str] = "iou"
    higher_is_better: ClassVar[bool] = True

    def faults(self, column: pd.Series, source: Source) -> dict[str, pd.Series]:
        def broken(value: bytes | str) -> bool:
            mask = decode(value, "L", source.folder)
            return mask is None or mask.shape != source.size or int(mask.max()) >= len(self.classes)

        return {"unusable mask": column.notna() & column.map(broken, na_action="ignore").fillna(False).astype(bool)}

    def expectations(self, limits: Validate) -> list[Expectation]:
        fix = f"Masks need the input's size and pixel values below {len(self.classes)} (the classes in params.yaml)."
        column = f"{self.column}: unusable mask"
        return [Expectation(column, "expect_column_values_to_be_in_set", {"value_set": [False]}, fix, 1 - limits.max_invalid)]

    def encode(self, column: pd.Series, source: Source) -> Arrays:
        mask_NHW = np.zeros((len(column), *source.size), np.uint8)
        present = column.notna().to_numpy()
        for row in np.flatnonzero(present):
            mask = decode(column.iloc[row], "L", source.folder)
            assert mask is not None, "clean has removed unusable masks"
            mask_NHW[row] = mask
        return {"present": present, "mask": mask_NHW}

    def describe(self, labels: Arrays) -> dict[str, np.ndarray]:
        """The share of each class in a mask's pixels."""
        mask_NHW = labels["mask"]
        return {"classes": np.stack([(mask_NHW == number).mean((1, 2)) for number in range(len(self.classes))], 1)}

    def balance(self, labels: Arrays, power: float) -> list[float] | None:
        if not labels["present"].any():
            return None
        counts_K = np.bincount(labels["mask"][labels["present"]].ravel(), minlength=len(self.classes)).astype(float)
        return inverse_frequency(counts_K, power)

    def move(self, labels: Labels, warp: Warp) -> Labels:
        moved = resample(labels["mask"][:, None].float(), warp, mode="nearest")
        return {**labels, "mask": moved[:, 0].to(torch.uint8)}

    def levels(self, depth: int) -> Sequence[int]:
        return list(range(depth))

    def head(self, levels: Sequence[Level], size: tuple[int, int], dropout: float) -> Head:
        return PixelHead(levels, len(self.classes), size, dropout)

    def loss(self, raw: Tensor, labels: Labels, class_weights_K: Tensor | None) -> Tensor:
        """Cross-entropy per pixel, and 1 minus the soft Dice of the classes, near to the metric (Isensee et al. 2021)."""
        wanted = labels["mask"].long()
        pixels_B = F.cross_entropy(raw, wanted, weight=class_weights_K, reduction="none").mean((1, 2))
        chance, truth = raw.softmax(1), F.one_hot(wanted, raw.shape[1]).movedim(-1, 1).to(raw)
        overlap_BK = (2 * (chance * truth).sum((2, 3)) + 1) / ((chance + truth).sum((2, 3)) + 1)
        return pixels_B + 1 - overlap_BK.mean(1)

    def predict(self, raw: Tensor) -> Outputs:
        return {"probability": raw.softmax(1)}

    def compare(self, predicted: Mapping[str, np.ndarray], labels: Arrays, size: tuple[int, int]) -> Evidence:
        rows = np.flatnonzero(labels["present"])
        guess_NHW, true_NHW = predicted["probability"][rows].argmax(1), labels["mask"][rows]
        overlaps = []
        for number in range(len(self.classes)):
            guess, true = guess_NHW == number, true_NHW == number
            overlaps.append(((guess & true).sum((1, 2)), (guess | true).sum((1, 2))))
        intersection_KN, union_KN = map(np.stack, zip(*overlaps, strict=True))
        return OverlapEvidence(rows, intersection_KN.T, union_KN.T)

    def vote(self, members: Sequence[Arrays], weight_M: np.ndarray) -> Arrays:
        """The majority's class of every pixel."""
        return {"probability": voting.majority([one["probability"] for one in members], weight_M)}

    def score(self, raw: Tensor) -> Tensor:
        return (raw[:, 1:].amax(1) - raw[:, 0]).clamp(min=0).sum((1, 2))

    def show_label(self, labels: Arrays, row: int) -> Any:
        return labels["mask"][row].tolist() if labels["present"][row] else None

    def show_prediction(self, predicted: Mapping[str, np.ndarray], row: int, size: tuple[int, int]) -> Any:
        return predicted["probability"][row].argmax(0).tolist()

"""Rows of numbers as an input, and two classes judged by ROC-AUC: what missing_labels needs beside Lepton's kinds."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor

from benchmarks import intervals
from lepton.config import Augment, Validate
from lepton.inputs.base import BaseInput
from lepton.tasks.base import Evidence
from lepton.tasks.classification import Classification
from lepton.types import Arrays, Expectation, Source, Warp


class Vector(BaseInput):
    """F features of a row, stored [N, F] and seen as the channels of one pixel [B, F, 1, 1]."""

    type: Literal["vector"] = "vector"
    column: str = "features"
    size: tuple[int, int] = (1, 1)
    features: int

    @property
    def kernel(self) -> int:
        return 1

    def faults(self, column: pd.Series, source: Source) -> dict[str, pd.Series]:
        return {}

    def expectations(self, limits: Validate) -> list[Expectation]:
        return []

    def encode(self, column: pd.Series, source: Source) -> np.ndarray:
        return np.stack(column.to_list())

    def example(self, rows: int) -> Tensor:
        return torch.zeros(rows, self.features, 1, 1)

    def prepare(self, stored: Tensor) -> Tensor:
        return stored.float()[:, :, None, None].contiguous(memory_format=torch.channels_last)

    def augment(self, inputs: Tensor, plan: Augment, *, generator: Generator) -> tuple[Tensor, Warp]:
        raise NotImplementedError("rows of numbers have no augmentation; an empty plan never asks for one")


class RankEvidence(Evidence):
    """Score and class of each labelled row."""

    def __init__(self, row_N: np.ndarray, score_N: np.ndarray, positive_N: np.ndarray):
        self.row_N, self.score_N, self.positive_N = row_N, score_N, positive_N

    def rows(self) -> np.ndarray:
        return self.row_N

    def measure(self, rows: np.ndarray | None = None) -> dict[str, float]:
        chosen = np.arange(len(self.row_N)) if rows is None else rows
        weight_1N = np.bincount(chosen, minlength=len(self.row_N))[None]
        return {"roc_auc": float(intervals.roc_auc(self.score_N, self.positive_N, weight_1N)[0])}


class Binary(Classification):
    """Classes 0 and 1, of which 1 is the rare one that matters."""

    type: Literal["classification"] = "classification"
    classes: tuple[int | str, ...] = (0, 1)

    metric: ClassVar[str] = "roc_auc"

    def compare(self, predicted: Mapping[str, np.ndarray], labels: Arrays, size: tuple[int, int]) -> Evidence:
        rows = np.flatnonzero(labels["present"])
        return RankEvidence(rows, predicted["probability"][rows, 1], labels["class"][rows] == 1)

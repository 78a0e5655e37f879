"""What every kind of task brings, and how its result is measured on any choice of rows."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError
from torch import Tensor, nn

from lepton.blocks import Count, Task, Validate
from lepton.tasks import voting
from lepton.types import Arrays, Expectation, Labels, Outputs, Source, Warp


def _distinct(values: tuple) -> tuple:
    if twice := [value for value in values if values.count(value) > 1]:
        raise PydanticCustomError("twice", f"{twice[0]!r} stands there twice")
    return values


Distinct = AfterValidator(_distinct)
"""On a tuple of params.yaml: no value twice."""


def no_list(cell: Any) -> str:
    """What keeps a cell from being a list; empty when nothing does."""
    if isinstance(cell, str | bytes):
        return "holds text (of JSON, json.loads makes a list)"
    return "" if isinstance(cell, list | tuple | np.ndarray) else f"holds no list but a {type(cell).__name__}"


def inverse_frequency(counts_K: np.ndarray, power: float) -> list[float]:
    """Weight of each class, its count to the power of -`power`, mean 1 over the samples; 0 or 1 for a class without any."""
    weights_K = np.where(counts_K > 0, counts_K, np.inf) ** -power
    return (weights_K * counts_K.sum() / (weights_K * counts_K).sum()).tolist()


class Evidence(ABC):
    """A model's predictions compared with the labels, row by row, so that any choice of rows can be measured."""

    @abstractmethod
    def rows(self) -> np.ndarray:
        """Indices of the rows that have a label."""

    @abstractmethod
    def measure(self, rows: np.ndarray | None = None) -> dict[str, float]:
        """Metrics over `rows` (indices into the labelled rows, repeats allowed; None: all). The task's own metric is first."""


@dataclass(frozen=True)
class Level:
    """Where a head may read: its channels, and how many pixels of the input one of its pixels spans."""

    channels: int
    stride: int


class Head(nn.Module, ABC):
    """From one task's features, a list of [B, C_l, H_l, W_l], finest first, to its raw output."""

    @abstractmethod
    def narrow(self, kept: Sequence[Tensor]) -> None:
        """Leaves out the input channels that are not kept, int64 indices per level; inner channels that mirror them go too."""


class BaseTask(Task, ABC):
    """A kind of task. Its name in params.yaml is chosen by the user, its `type` is the kind."""

    level: Count | None = None  # of the trunk, counted from 1, above which the head reads nothing; None: the last
    after: Annotated[tuple[str, ...], Distinct] = ()  # tasks whose output the head reads too

    metric: ClassVar[str]
    higher_is_better: ClassVar[bool]

    @property
    def unit_of_metric(self) -> str:
        """The unit in which the metric is stated; none for shares."""
        return ""

    @property
    def flips(self) -> bool:
        """Does the label survive, or move with, a left-right flip?"""
        return True

    @abstractmethod
    def faults(self, column: pd.Series, source: Source) -> dict[str, pd.Series]:
        """Reason -> True for the labelled rows whose label is impossible."""

    @abstractmethod
    def expectations(self, limits: Validate) -> list[Expectation]:
        """What great_expectations is to check on the column."""

    @abstractmethod
    def encode(self, column: pd.Series, source: Source) -> Arrays:
        """Labels as arrays with one entry per row; `present` [N] bool says which rows have one."""

    def describe(self, labels: Arrays) -> dict[str, np.ndarray]:
        """What labels are like: numbers [N], or amounts for each of the classes [N, K]; drift and relatedness look at these."""
        return {}

    def described(self, labels: Arrays) -> np.ndarray:
        """Likewise, side by side [N, D]; a single 0 where nothing is told."""
        told = [np.asarray(values, float).reshape(len(labels["present"]), -1) for values in self.describe(labels).values()]
        return np.concatenate(told or [np.zeros((len(labels["present"]), 1))], 1)

    def balance(self, labels: Arrays, power: float) -> list[float] | None:
        """Loss weight of each class, inverse frequency to `power`, mean 1 over the samples; None: no classes."""
        return None

    def move(self, labels: Labels, warp: Warp) -> Labels:
        """The labels after an augmentation of the input; most do not move."""
        return labels

    def levels(self, depth: int) -> Sequence[int]:
        """Which of the levels 0 .. depth - 1 the head reads, the last one at least."""
        return [depth - 1]

    def read_levels(self, depth: int) -> Sequence[int]:
        """Likewise, for a head that may be attached at an earlier level."""
        return self.levels(self.level or depth)

    @abstractmethod
    def head(self, levels: Sequence[Level], size: tuple[int, int], dropout: float) -> Head:
        """From this task's features at `self.levels`, a list of [B, C_l, H_l, W_l], to `raw`, what loss and predict take."""

    @abstractmethod
    def loss(self, raw: Tensor, labels: Labels, class_weights_K: Tensor | None) -> Tensor:
        """Loss of each sample [B]; rows without a label may hold any finite number, the loop masks them."""

    @classmethod
    def losses(
        cls, tasks: Sequence[Self], raw: Sequence[Tensor], labels: Sequence[Labels], class_weights: Sequence[Tensor | None]
    ) -> Tensor:
        """`loss` of several tasks whose outputs have one shape [T, B]; kinds that many tasks may be of compute it at once."""
        return torch.stack([task.loss(r, one, w) for task, r, one, w in zip(tasks, raw, labels, class_weights, strict=True)])

    @abstractmethod
    def predict(self, raw: Tensor) -> Outputs:
        """What the exported model returns for this task; every field has one entry per sample."""

    @abstractmethod
    def compare(self, predicted: Mapping[str, np.ndarray], labels: Arrays, size: tuple[int, int]) -> Evidence:
        """Predictions of N rows beside their labels."""

    def average(self, members: Sequence[Arrays], weight_M: np.ndarray) -> Arrays:
        """What several models say together of the same rows: the weighted mean of each field."""
        return {field: voting.average([one[field] for one in members], weight_M) for field in members[0]}

    @abstractmethod
    def vote(self, members: Sequence[Arrays], weight_M: np.ndarray) -> Arrays:
        """What most of them say, by weight; the numbers are those of the models that say it."""

    def utility(self, value: float) -> float:
        """The task's own metric on a scale where 1 is perfect and more is better, for choosing between models."""
        return value if self.higher_is_better else -value

    @abstractmethod
    def score(self, raw: Tensor) -> Tensor:
        """One number per sample [B] that explanations ask about: how strongly the model says what it says."""

    @abstractmethod
    def show_label(self, labels: Arrays, row: int) -> Any:
        """A row's label in the user's words, as JSON takes it; None without one."""

    @abstractmethod
    def show_prediction(self, predicted: Mapping[str, np.ndarray], row: int, size: tuple[int, int]) -> Any:
        """A row's prediction likewise. One plain value, or a list for what has several parts."""

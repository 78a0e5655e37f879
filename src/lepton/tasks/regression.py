"""One number within a stated range: Huber loss on the scaled value, mean absolute error in the user's unit."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError
from torch import Tensor

from lepton.blocks import Validate
from lepton.tasks import voting
from lepton.tasks.base import BaseTask, Evidence, Head, Level
from lepton.tasks.pooled_linear import PooledLinear
from lepton.types import Arrays, Expectation, Labels, Outputs, Source, Warp


class ErrorEvidence(Evidence):
    """Prediction and truth of each labelled row, in the user's unit."""

    def __init__(self, row_N: np.ndarray, predicted_N: np.ndarray, true_N: np.ndarray):
        self.row_N, self.predicted_N, self.true_N = row_N, predicted_N, true_N

    def rows(self) -> np.ndarray:
        return self.row_N

    def measure(self, rows: np.ndarray | None = None) -> dict[str, float]:
        predicted, true = (self.predicted_N, self.true_N) if rows is None else (self.predicted_N[rows], self.true_N[rows])
        error = predicted - true
        spread = ((true - true.mean()) ** 2).sum()
        return {"mae": float(np.abs(error).mean()), "r2": float(1 - (error**2).sum() / spread) if spread > 0 else 0.0}


def _rising(limits: tuple[float, float]) -> tuple[float, float]:
    if not -math.inf < limits[0] < limits[1] < math.inf:
        raise PydanticCustomError("range", "needs the smallest possible value before the largest, both finite")
    return limits


class Regression(BaseTask):
    type: Literal["regression"]
    range: Annotated[tuple[float, float], AfterValidator(_rising)]  # the smallest and largest possible value, in `unit`
    unit: str = ""
    moves_with: Literal["", "rotation", "scale"] = ""  # the augmentation that changes the value too

    metric: ClassVar[str] = "mae"
    higher_is_better: ClassVar[bool] = False

    @property
    def flips(self) -> bool:
        return self.moves_with != "rotation"

    @property
    def _middle_and_half(self) -> tuple[float, float]:
        low, high = self.range
        return (low + high) / 2, (high - low) / 2

    def faults(self, column: pd.Series, source: Source) -> dict[str, pd.Series]:
        low, high = self.range
        return {"out of range": column.notna() & ~column.between(low, high)}

    def expectations(self, limits: Validate) -> list[Expectation]:
        low, high = self.range
        fix = "Fix the export or widen the range in params.yaml."
        options = {"min_value": low, "max_value": high}
        return [Expectation(self.column, "expect_column_values_to_be_between", options, fix, 1 - limits.max_invalid)]

    def encode(self, column: pd.Series, source: Source) -> Arrays:
        value = pd.to_numeric(column)
        return {"present": value.notna().to_numpy(), "value": value.fillna(0).to_numpy(np.float32)}

    def describe(self, labels: Arrays) -> dict[str, np.ndarray]:
        return {"value": labels["value"]}

    def move(self, labels: Labels, warp: Warp) -> Labels:
        if self.moves_with == "rotation":
            return {**labels, "value": labels["value"] + warp.angle_B}
        if self.moves_with == "scale":
            return {**labels, "value": labels["value"] * warp.scale_B}
        return labels

    def head(self, levels: Sequence[Level], size: tuple[int, int], dropout: float) -> Head:
        return PooledLinear(levels[-1], 1, dropout)

    def loss(self, raw: Tensor, labels: Labels, class_weights_K: Tensor | None) -> Tensor:
        return self.losses([self], [raw], [labels], [None])[0]

    @classmethod
    def losses(
        cls, tasks: Sequence[Self], raw: Sequence[Tensor], labels: Sequence[Labels], class_weights: Sequence[Tensor | None]
    ) -> Tensor:
        raw_TB, value_TB = torch.stack([*raw])[..., 0], torch.stack([fields["value"] for fields in labels])
        middle_T1, half_T1 = value_TB.new_tensor([task._middle_and_half for task in tasks]).T[..., None]
        return 4 * F.smooth_l1_loss(raw_TB, (value_TB - middle_T1) / half_T1, reduction="none", beta=0.25)

    def predict(self, raw: Tensor) -> Outputs:
        middle, half = self._middle_and_half
        return {"value": raw[:, 0] * half + middle}

    def compare(self, predicted: Mapping[str, np.ndarray], labels: Arrays, size: tuple[int, int]) -> Evidence:
        rows = np.flatnonzero(labels["present"])
        return ErrorEvidence(rows, predicted["value"][rows].astype(np.float64), labels["value"][rows].astype(np.float64))

    def vote(self, members: Sequence[Arrays], weight_M: np.ndarray) -> Arrays:
        """The weighted median."""
        low_N, high_N = voting.middle([one["value"] for one in members], weight_M)
        return {"value": voting.average([low_N, high_N], np.ones(2))}

    @property
    def unit_of_metric(self) -> str:
        return self.unit

    def utility(self, value: float) -> float:
        return 1 - value / self._middle_and_half[1]

    def score(self, raw: Tensor) -> Tensor:
        return raw[:, 0]

    def show_label(self, labels: Arrays, row: int) -> Any:
        return float(labels["value"][row]) if labels["present"][row] else None

    def show_prediction(self, predicted: Mapping[str, np.ndarray], row: int, size: tuple[int, int]) -> Any:
        return float(predicted["value"][row])

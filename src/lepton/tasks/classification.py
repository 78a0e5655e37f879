"""One class out of K: cross-entropy, accuracy and macro F1."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from lepton import narrow
from lepton.config import Validate
from lepton.tasks.base import BaseTask, Distinct, Evidence, Head, Level
from lepton.types import Arrays, Expectation, Labels, Outputs, Source


class ClassEvidence(Evidence):
    """Predicted and true class of each labelled row."""

    def __init__(self, row_N: np.ndarray, predicted_N: np.ndarray, true_N: np.ndarray):
        self.row_N, self.predicted_N, self.true_N = row_N, predicted_N, true_N

    def rows(self) -> np.ndarray:
        return self.row_N

    def measure(self, rows: np.ndarray | None = None) -> dict[str, float]:
        predicted, true = (self.predicted_N, self.true_N) if rows is None else (self.predicted_N[rows], self.true_N[rows])
        result = {"accuracy": float((predicted == true).mean())}
        if rows is None:  # a bootstrap asks for the task's own metric only
            from sklearn.metrics import f1_score  # two seconds that few commands need

            result["macro_f1"] = float(f1_score(true, predicted, average="macro"))
        return result


class PooledLinear(Head):
    """Mean and maximum over the last level's pixels, then one linear map: [B, C, H, W] -> [B, outputs]."""

    def __init__(self, level: Level, outputs: int, dropout: float):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(2 * level.channels, outputs)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        last = features[-1]
        pooled_BC = torch.cat([last.mean((2, 3)), last.amax((2, 3))], 1)
        return self.linear(self.dropout(pooled_BC))

    def narrow(self, kept: Sequence[Tensor]) -> None:
        channels = self.linear.in_features // 2
        self.linear = narrow.linear(self.linear, torch.cat([kept[-1], kept[-1] + channels]))


class Classification(BaseTask):
    type: Literal["classification"]
    classes: Annotated[tuple[int | str, ...], Field(min_length=2), Distinct]

    metric: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool] = True

    def faults(self, column: pd.Series, source: Source) -> dict[str, pd.Series]:
        return {"unknown class": column.notna() & ~column.isin(self.classes)}

    def expectations(self, limits: Validate) -> list[Expectation]:
        fix = "Fix the export or add the class in params.yaml."
        return [Expectation(self.column, "expect_column_values_to_be_in_set", {"value_set": list(self.classes)}, fix)]

    def encode(self, column: pd.Series, source: Source) -> Arrays:
        index = {name: number for number, name in enumerate(self.classes)}
        number_N = np.array([index.get(value, -1) for value in column], np.int64)
        return {"present": number_N >= 0, "class": number_N.clip(min=0)}

    def balance(self, labels: Arrays, power: float) -> list[float] | None:
        if not labels["present"].any():
            return None
        counts_K = np.bincount(labels["class"][labels["present"]], minlength=len(self.classes)).astype(float)
        weights_K = np.where(counts_K > 0, counts_K, np.inf) ** -power
        return (weights_K * counts_K.sum() / (weights_K * counts_K).sum()).tolist()

    def head(self, levels: Sequence[Level], size: tuple[int, int], dropout: float) -> Head:
        return PooledLinear(levels[-1], len(self.classes), dropout)

    def loss(self, raw: Tensor, labels: Labels, class_weights_K: Tensor | None) -> Tensor:
        return F.cross_entropy(raw, labels["class"], weight=class_weights_K, reduction="none")

    @classmethod
    def losses(
        cls, tasks: Sequence[Self], raw: Sequence[Tensor], labels: Sequence[Labels], class_weights: Sequence[Tensor | None]
    ) -> Tensor:
        class_TB = torch.stack([fields["class"] for fields in labels])
        loss_TB = F.cross_entropy(torch.cat([*raw]), class_TB.flatten(), reduction="none").view_as(class_TB)
        if all(weight_K is None for weight_K in class_weights):
            return loss_TB
        weight_TK = torch.stack([raw[0].new_ones(raw[0].shape[1]) if one is None else one for one in class_weights])
        return loss_TB * weight_TK.gather(1, class_TB)

    def predict(self, raw: Tensor) -> Outputs:
        return {"probability": raw.softmax(1)}

    def compare(self, predicted: Mapping[str, np.ndarray], labels: Arrays, size: tuple[int, int]) -> Evidence:
        rows = np.flatnonzero(labels["present"])
        return ClassEvidence(rows, predicted["probability"][rows].argmax(1), labels["class"][rows])

    def score(self, raw: Tensor) -> Tensor:
        return raw.amax(1)

    def show_label(self, labels: Arrays, row: int) -> Any:
        return self.classes[int(labels["class"][row])] if labels["present"][row] else None

    def show_prediction(self, predicted: Mapping[str, np.ndarray], row: int, size: tuple[int, int]) -> Any:
        return self.classes[int(predicted["probability"][row].argmax())]

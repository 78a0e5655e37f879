"""Any number of K classes at once: binary cross-entropy of each, macro ROC-AUC.

ROC-AUC rather than average precision: its chance level is ½ for a rare and for a frequent class alike, so that relative changes
compare and the rarest class's few rows do not carry the mean (McDermott et al. 2024, arXiv 2401.06091). Average precision is told
beside it.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from lepton.blocks import Validate
from lepton.errors import LeptonError
from lepton.tasks import ranking, voting
from lepton.tasks.base import BaseTask, Distinct, Evidence, Head, Level, inverse_frequency, no_list
from lepton.tasks.pooled_linear import PooledLinear
from lepton.types import Arrays, Expectation, Labels, Outputs, Source


class SeveralEvidence(Evidence):
    """Predicted probability and truth of each labelled row and class. metric: the task's own."""

    def __init__(self, row_N: np.ndarray, probability_NK: np.ndarray, true_NK: np.ndarray, metric: str):
        self.row_N, self.probability_NK, self.true_NK, self.metric = row_N, probability_NK, true_NK, metric

    def rows(self) -> np.ndarray:
        return self.row_N

    @cached_property
    def _rankings(self) -> list[ranking.Ranking]:
        return [ranking.Ranking(*columns) for columns in zip(self.probability_NK.T, self.true_NK.T, strict=True)]

    def measure(self, rows: np.ndarray | None = None) -> dict[str, float]:
        """Means over the classes that some of the rows have and, for ROC-AUC, some have not."""
        known, weight_N = {"roc_auc": ranking.CHANCE, "average_precision": 0.0}, ranking.weights(rows, len(self.row_N))
        wanted = [self.metric] if rows is not None else dict.fromkeys([self.metric, *known])
        return {
            name: ranking.macro((getattr(one, name)(weight_N) for one in self._rankings), known[name]) for name in wanted
        }  # a bootstrap asks for the task's own metric only


class Multilabel(BaseTask):
    """The column holds, per row, a list of those of `classes` that apply; an empty list says that none does."""

    type: Literal["multilabel"]
    classes: Annotated[tuple[int | str, ...], Field(min_length=1), Distinct]
    metric: Literal["roc_auc", "average_precision"] = "roc_auc"  # type: ignore[misc]  # the task's own, a mean over the classes

    higher_is_better: ClassVar[bool] = True

    def faults(self, column: pd.Series, source: Source) -> dict[str, pd.Series]:
        has_N = column.notna()
        for row, (cell, has) in enumerate(zip(column, has_N, strict=True)):
            if has and (wrong := no_list(cell)):
                raise LeptonError(f"needs a list of classes per row, and row {row} {wrong}")
        unknown = [has and any(name not in self.classes for name in cell) for cell, has in zip(column, has_N, strict=True)]
        return {"unknown class": pd.Series(unknown, index=column.index, dtype=bool)}

    def expectations(self, limits: Validate) -> list[Expectation]:
        fix = f"Fix the export or add the class to classes ({', '.join(map(str, self.classes))}) in params.yaml."
        return [Expectation(f"{self.column}: unknown class", "expect_column_values_to_be_in_set", {"value_set": [False]}, fix)]

    def encode(self, column: pd.Series, source: Source) -> Arrays:
        index = {name: number for number, name in enumerate(self.classes)}
        present = column.notna().to_numpy()
        applies_NK = np.zeros((len(column), len(self.classes)), np.float32)
        for row in np.flatnonzero(present):
            applies_NK[row, [index[name] for name in column.iloc[row]]] = 1
        return {"present": present, "applies": applies_NK}

    def describe(self, labels: Arrays) -> dict[str, np.ndarray]:
        applies_NK = labels["applies"]
        return {"classes": applies_NK, "classes per sample": applies_NK.sum(1)}

    def balance(self, labels: Arrays, power: float) -> list[float] | None:
        """For each class in turn, the weight of the rows that it does not apply to and of those that it does."""
        applies_NK = labels["applies"][labels["present"]]
        if not len(applies_NK):
            return None
        yes_K = applies_NK.sum(0, dtype=float)
        return [weight for yes in yes_K for weight in inverse_frequency(np.array([len(applies_NK) - yes, yes]), power)]

    def head(self, levels: Sequence[Level], size: tuple[int, int], dropout: float) -> Head:
        return PooledLinear(levels[-1], len(self.classes), dropout)

    def loss(self, raw: Tensor, labels: Labels, class_weights_K: Tensor | None) -> Tensor:
        """Mean over the classes. class_weights_K: as `balance` gives them [2 K]."""
        applies = labels["applies"].to(raw)
        weight = None
        if class_weights_K is not None:
            no_K, yes_K = class_weights_K.view(-1, 2).T
            weight = no_K.lerp(yes_K, applies)
        return F.binary_cross_entropy_with_logits(raw, applies, weight=weight, reduction="none").mean(1)

    def predict(self, raw: Tensor) -> Outputs:
        return {"probability": raw.sigmoid()}

    def compare(self, predicted: Mapping[str, np.ndarray], labels: Arrays, size: tuple[int, int]) -> Evidence:
        rows = np.flatnonzero(labels["present"])
        return SeveralEvidence(rows, predicted["probability"][rows], labels["applies"][rows] > 0, self.metric)

    def vote(self, members: Sequence[Arrays], weight_M: np.ndarray) -> Arrays:
        """What the majority says of each class."""
        either = [np.stack([1 - one["probability"], one["probability"]], 1) for one in members]
        return {"probability": voting.majority(either, weight_M)[:, 1]}

    def score(self, raw: Tensor) -> Tensor:
        return raw.amax(1)

    def _names(self, applies_K: np.ndarray) -> list[int | str]:
        return [name for name, applies in zip(self.classes, applies_K, strict=True) if applies]

    def show_label(self, labels: Arrays, row: int) -> Any:
        return self._names(labels["applies"][row]) if labels["present"][row] else None

    def show_prediction(self, predicted: Mapping[str, np.ndarray], row: int, size: tuple[int, int]) -> Any:
        return self._names(predicted["probability"][row] > 0.5)

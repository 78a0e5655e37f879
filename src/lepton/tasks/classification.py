"""One class out of K: cross-entropy; accuracy, macro F1 or ROC-AUC."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lepton.tasks import ranking, voting
from lepton.tasks.base import Evidence, Head, Level
from lepton.tasks.one_of import OneOf
from lepton.tasks.pooled_linear import PooledLinear
from lepton.types import Arrays, Labels, Outputs


class ClassEvidence(Evidence):
    """Predicted probabilities and true class of each labelled row. metric: the task's own."""

    def __init__(self, row_N: np.ndarray, probability_NK: np.ndarray, true_N: np.ndarray, metric: str):
        self.row_N, self.probability_NK, self.true_N, self.metric = row_N, probability_NK, true_N, metric
        self.predicted_N = probability_NK.argmax(1)

    def rows(self) -> np.ndarray:
        return self.row_N

    def measure(self, rows: np.ndarray | None = None) -> dict[str, float]:
        known = {"accuracy": self._accuracy, "macro_f1": self._macro_f1, "roc_auc": self._roc_auc}
        wanted = [self.metric] if rows is not None else dict.fromkeys([self.metric, "accuracy", "macro_f1"])
        return {name: known[name](rows) for name in wanted}  # a bootstrap asks for the task's own metric only

    def _accuracy(self, rows: np.ndarray | None) -> float:
        predicted, true = (self.predicted_N, self.true_N) if rows is None else (self.predicted_N[rows], self.true_N[rows])
        return float((predicted == true).mean())

    def _macro_f1(self, rows: np.ndarray | None) -> float:
        """Mean over the classes that are there or said to be."""
        predicted, true = (self.predicted_N, self.true_N) if rows is None else (self.predicted_N[rows], self.true_N[rows])
        classes = self.probability_NK.shape[1]
        both_K, said_K, there_K = (np.bincount(x, minlength=classes) for x in (true[predicted == true], predicted, true))
        seen_K = said_K + there_K > 0
        return float((2 * both_K[seen_K] / (said_K + there_K)[seen_K]).mean())

    @cached_property
    def _rankings(self) -> list[ranking.Ranking]:
        """Of each class against the rest; of two classes, the second alone says it all."""
        classes = range(self.probability_NK.shape[1])[1 if self.probability_NK.shape[1] == 2 else 0 :]
        return [ranking.Ranking(self.probability_NK[:, number], self.true_N == number) for number in classes]

    def _roc_auc(self, rows: np.ndarray | None) -> float:
        """Mean over the classes that some of the rows have and some have not."""
        weight_N = ranking.weights(rows, len(self.row_N))
        return ranking.macro((one.roc_auc(weight_N) for one in self._rankings), ranking.CHANCE)


class Classification(OneOf):
    type: Literal["classification"]
    # the task's own; roc_auc (of each class against the rest) for very unequal classes, which accuracy does not see
    metric: Literal["accuracy", "macro_f1", "roc_auc"] = "accuracy"  # type: ignore[misc]

    higher_is_better: ClassVar[bool] = True

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
        return ClassEvidence(rows, predicted["probability"][rows], labels["class"][rows], self.metric)

    def vote(self, members: Sequence[Arrays], weight_M: np.ndarray) -> Arrays:
        """The majority's class."""
        return {"probability": voting.majority([one["probability"] for one in members], weight_M)}

    def score(self, raw: Tensor) -> Tensor:
        return raw.amax(1)

    def show_prediction(self, predicted: Mapping[str, np.ndarray], row: int, size: tuple[int, int]) -> Any:
        return self.classes[int(predicted["probability"][row].argmax())]

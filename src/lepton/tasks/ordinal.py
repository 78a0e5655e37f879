"""One of K ordered classes: CORN (Shi, Cao & Raschka 2021, arXiv 2111.08851), mean absolute error in ranks.

Raw output k = 1 .. K − 1 is the logit of P(y > k | y > k − 1), ranks counted from 1; their product is P(y > k), so ranks never
contradict each other, and no weights need to be shared for that. The predicted rank is the paper's, the number of k with
P(y > k) > ½: the median, which is what the mean absolute error asks for. Quadratic kappa is told beside it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lepton.tasks import voting
from lepton.tasks.base import Evidence, Head, Level
from lepton.tasks.one_of import OneOf
from lepton.tasks.pooled_linear import PooledLinear
from lepton.types import Arrays, Labels, Outputs


class RankEvidence(Evidence):
    """Predicted and true rank of each labelled row, counted from 0."""

    def __init__(self, row_N: np.ndarray, predicted_N: np.ndarray, true_N: np.ndarray):
        self.row_N, self.predicted_N, self.true_N = row_N, predicted_N, true_N

    def rows(self) -> np.ndarray:
        return self.row_N

    def measure(self, rows: np.ndarray | None = None) -> dict[str, float]:
        predicted, true = (self.predicted_N, self.true_N) if rows is None else (self.predicted_N[rows], self.true_N[rows])
        result = {"mae": float(np.abs(predicted - true).mean())}
        if rows is None:  # a bootstrap asks for the task's own metric only
            result |= {"quadratic_kappa": quadratic_kappa(predicted, true), "accuracy": float((predicted == true).mean())}
        return result


def quadratic_kappa(predicted_N: np.ndarray, true_N: np.ndarray) -> float:
    """Cohen's kappa with quadratic weights: 1 − E(p − t)² / (the same of p and t in any pairs); 0 where all are of one rank."""
    by_chance = predicted_N.var() + true_N.var() + (predicted_N.mean() - true_N.mean()) ** 2
    return float(1 - ((predicted_N - true_N) ** 2).mean() / by_chance) if by_chance > 0 else 0.0


def median(probability_NK: np.ndarray) -> np.ndarray:
    """The rank that each row is predicted to have [N], counted from 0."""
    above_NK = 1 - probability_NK[:, :-1].cumsum(1, dtype=np.float64)
    return (above_NK > 0.5).sum(1)


class Ordinal(OneOf):
    """The column holds one of `classes`, which stand in their order, the lowest first."""

    type: Literal["ordinal"]

    metric: ClassVar[str] = "mae"
    higher_is_better: ClassVar[bool] = False

    @property
    def unit_of_metric(self) -> str:
        return "ranks"

    def head(self, levels: Sequence[Level], size: tuple[int, int], dropout: float) -> Head:
        return PooledLinear(levels[-1], len(self.classes) - 1, dropout)

    def loss(self, raw: Tensor, labels: Labels, class_weights_K: Tensor | None) -> Tensor:
        """The paper's loss of one sample, less its division by the number of tasks that all samples of a batch take part in.

        Task k is asked of the samples of rank k and more. The sum over its tasks is −log P(y) of the sample's own rank.
        """
        rank_B, k = labels["class"][:, None], torch.arange(raw.shape[1], device=raw.device)
        losses_Bk = F.binary_cross_entropy_with_logits(raw, (rank_B > k).to(raw), reduction="none")
        loss_B = torch.where(rank_B >= k, losses_Bk, 0.0).sum(1)
        return loss_B if class_weights_K is None else loss_B * class_weights_K[labels["class"]]

    @staticmethod
    def _above(raw: Tensor) -> Tensor:
        """P(y > k) [B, K − 1], falling with k."""
        return F.logsigmoid(raw).cumsum(1).exp()

    def predict(self, raw: Tensor) -> Outputs:
        above = self._above(raw)
        return {"probability": F.pad(above, (1, 0), value=1.0) - F.pad(above, (0, 1))}

    def compare(self, predicted: Mapping[str, np.ndarray], labels: Arrays, size: tuple[int, int]) -> Evidence:
        rows = np.flatnonzero(labels["present"])
        return RankEvidence(rows, median(predicted["probability"][rows]), labels["class"][rows])

    def vote(self, members: Sequence[Arrays], weight_M: np.ndarray) -> Arrays:
        """The median of the predicted ranks; the lower one between two."""
        probability = [one["probability"] for one in members]
        rank = [median(one) for one in probability]
        low_N, _ = voting.middle(rank, weight_M)
        return {"probability": voting.average_of(probability, weight_M, [(one == low_N)[:, None] for one in rank])}

    def utility(self, value: float) -> float:
        return 1 - 2 * value / (len(self.classes) - 1)

    def score(self, raw: Tensor) -> Tensor:
        """The expected rank."""
        return self._above(raw).sum(1)

    def show_prediction(self, predicted: Mapping[str, np.ndarray], row: int, size: tuple[int, int]) -> Any:
        return self.classes[int(median(predicted["probability"][[row]])[0])]

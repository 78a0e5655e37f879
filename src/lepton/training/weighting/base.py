"""What every weighting has in common."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class Weighting(nn.Module, ABC):
    """Stateful ones keep their state in buffers, so that it is checkpointed. Weights sum to the number of active tasks.

    loss_T: mean loss of each task on the batch. gram_TT: inner products of the tasks' gradients at the shared features, fp32.
    active_T: tasks with a label in this batch; the others get weight 0.
    """

    def __init__(self, num_tasks: int):
        super().__init__()
        self.num_tasks = num_tasks

    @abstractmethod
    def weigh(self, loss_T: Tensor, gram_TT: Tensor) -> Tensor:
        """Non-negative weights [T] of tasks that are all active; any scale."""

    def forward(self, loss_T: Tensor, gram_TT: Tensor, active_T: Tensor) -> Tensor:
        weight_T, active = loss_T.new_zeros(len(loss_T)), active_T.nonzero()[:, 0]
        if len(active):
            self.active_T = active_T
            # a step that overflowed is skipped or stopped by the loop; it only has to get there
            fit = bool((loss_T.sum() + gram_TT.sum()).isfinite())
            chosen = self.weigh(loss_T[active], gram_TT[active][:, active]) if fit else torch.ones_like(loss_T[active])
            weight_T[active] = chosen * (len(active) / chosen.sum().clamp(min=1e-12))
        return weight_T

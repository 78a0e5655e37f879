"""An exponential moving average of the weights (Polyak & Juditsky 1992), which is validated and kept in their place."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from lepton.sharing.base import Sharing
from lepton.training.network import shaped

FOLLOWS = ("running_mean", "running_var")  # buffers that are means themselves; others are copied, decisions among them


class EMA:
    """network: the network whose numbers are the means; the trained one itself where decay is 0.

    The decay of the n-th update is at most (1 + n) / (10 + n), so that the start is soon forgotten.
    """

    def __init__(self, trained: Sharing, decay: float):
        self.trained, self.decay, self.updates = trained, decay, 0
        self.network = deepcopy(trained) if decay else trained

    @torch.no_grad()
    def update(self) -> None:
        """Follows the trained network after one of its steps."""
        if not self.decay:
            return
        self.updates += 1
        keep = min(self.decay, (1 + self.updates) / (10 + self.updates))
        means, values = self._means(self.network), self._means(self.trained)
        torch._foreach_lerp_(means, values, 1 - keep)
        for mine, theirs in zip(self.network.named_buffers(), self.trained.named_buffers(), strict=True):
            if not mine[0].endswith(FOLLOWS):
                mine[1].copy_(theirs[1])

    def follow(self, trained: Sharing) -> None:
        """From now on follows what `reduced` has made of the trained network.

        The means take its structure, not their own `reduced`: a degree may have come to its end in one of the two alone.
        """
        if self.decay:
            before, self.network = self.network, shaped(self.network, trained.structure)
            self.network.load_state_dict(before.carried(before.state_dict(), self.network))
        else:
            self.network = trained
        self.trained = trained

    def _means(self, network: Sharing) -> list[Tensor]:
        return [*network.parameters(), *(buffer for name, buffer in network.named_buffers() if name.endswith(FOLLOWS))]

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self.updates, "network": self.network.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.updates = state["updates"]
        self.network.load_state_dict(state["network"])

"""Independent heads on a fixed shared representation: the trunk learns first, then every task starts anew on it.

For the first `model.freeze` of training this is hard sharing, which makes the representation. Then the trunk is fixed, norms and
all; reads, norms and heads begin from new random numbers, and each task trains on its own: no task can change what another sees.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from lepton.blocks import Model
from lepton.sharing.base import Structure
from lepton.sharing.hard import Hard
from lepton.tasks.base import BaseTask


class Frozen(Hard):
    """fixed: is the trunk final?"""

    prunable: ClassVar[bool] = False
    fixed: Tensor

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.register_buffer("fixed", torch.tensor(False))

    @classmethod
    def plan(cls, model: Model, tasks: Mapping[str, BaseTask]) -> Structure:
        return replace(super().plan(model, tasks), sharing="frozen", options={"freeze": model.freeze})

    def begin(self, done: float) -> bool:
        if done < self.structure.options["freeze"]:
            return False
        self.trunk.eval().requires_grad_(False)
        if self.fixed:
            return False
        fresh = type(self)(self.kind, self.tasks, self.structure, self.dropout).state_dict()
        self.load_state_dict({name: value for name, value in fresh.items() if not name.startswith("trunk.")}, strict=False)
        self.fixed.fill_(True)
        return True

    @property
    def settled(self) -> bool:
        return bool(self.fixed)

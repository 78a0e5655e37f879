"""What every way of sharing has in common: a trunk, a linear read of every level for all tasks at once, and the rest.

    s_1 ... s_L = trunk(x)          computed once
    q_l = W_l s_l                   every task's own linear map of level l, all tasks in one 1×1 convolution
    raw = rest(x, q)                branches and heads, where tasks never touch each other

The step of `lepton.training.step` cuts the graph at q; that cut needs nothing else of a way of sharing.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lepton.config import Model
from lepton.errors import LeptonError
from lepton.inputs.base import BaseInput
from lepton.kinds import load as load_kind
from lepton.sharing import trunk
from lepton.sharing.trunk import Move, convolution
from lepton.tasks.base import BaseTask, Level
from lepton.types import Outputs


@dataclass(frozen=True)
class Structure:
    """Everything that decides the shapes of a network; with the weights it is the network.

    trunk, branch: channels of each level, shared and per task. readers, owners: per level, the tasks that take in shared
    features there, and those that have a branch of their own. trunk_kind: a name of lepton.kinds.
    """

    sharing: str
    trunk: tuple[int, ...]
    branch: tuple[int, ...]
    readers: tuple[tuple[str, ...], ...]
    owners: tuple[tuple[str, ...], ...]
    trunk_kind: str = "strided"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Structure":
        def frozen(value: Any) -> Any:
            return tuple(frozen(item) for item in value) if isinstance(value, list | tuple) else value

        return cls(**{key: frozen(value) for key, value in values.items()})


class Cut(torch.autograd.Function):
    """Some tasks' channels of a feature [B, tasks · branch, H, W].

    Plain slices would hand back a gradient that is not channels-last, which slows everything before it.
    """

    @staticmethod
    def forward(ctx: Any, feature: Tensor, width: int, places: Sequence[int]) -> tuple[Tensor, ...]:
        ctx.shape, ctx.width, ctx.places = feature.shape, width, places
        return tuple(feature[:, place * width : (place + 1) * width] for place in places)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        whole = grads[0].new_zeros(()).expand(ctx.shape).clone(memory_format=torch.channels_last)
        for place, grad in zip(ctx.places, grads, strict=True):
            whole[:, place * ctx.width : (place + 1) * ctx.width] = grad
        return whole, None, None


def cut(feature: Tensor, there: Sequence[str], wanted: Sequence[str]) -> dict[str, Tensor]:
    """The channels of the `wanted` tasks out of those of the tasks `there`, for training."""
    if not wanted:
        return {}
    width = feature.shape[1] // len(there)
    return dict(zip(wanted, Cut.apply(feature, width, [there.index(name) for name in wanted]), strict=True))


class Sharing(nn.Module, ABC):
    """One network for several tasks. norms, branches: per level, over the channels of the tasks present or owning there."""

    moves: list[Move]  # of every level, of the trunk and of whatever has to end on its pixels
    norms: nn.ModuleList
    branches: nn.ModuleList

    def __init__(self, kind: BaseInput, tasks: Mapping[str, BaseTask], structure: Structure, dropout: float = 0.0):
        super().__init__()
        self.kind, self.tasks, self.structure, self.dropout = kind, dict(tasks), structure, dropout
        depth, trunk_kind = len(structure.trunk), load_kind("trunk", structure.trunk_kind)
        self.moves = trunk_kind.plan(depth, kind.kernel, kind.size)
        self.trunk = trunk.build(structure.trunk_kind, kind, structure.trunk)
        self.reads = nn.ModuleList(
            convolution(shared, len(readers) * own, 1, 1) if readers else nn.Identity()
            for shared, own, readers in zip(structure.trunk, structure.branch, structure.readers, strict=True)
        )
        self.heads, strides = nn.ModuleDict(), trunk.strides(self.moves)
        for name, task in self.tasks.items():
            if not trunk_kind.tiles and list(task.levels(depth)) != [depth - 1]:
                raise LeptonError(
                    f"params.yaml: {name} looks at places in the image, which model.trunk_kind {structure.trunk_kind} does not "
                    "keep. Use strided."
                )
            levels = [Level(structure.branch[level], strides[level]) for level in task.levels(depth)]
            self.heads[name] = task.head(levels, kind.size, dropout)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    @abstractmethod
    def plan(cls, model: Model, tasks: Mapping[str, BaseTask]) -> Structure:
        """The structure to start from."""

    @abstractmethod
    def features(self, x: Tensor, q: Sequence[Tensor]) -> list[Tensor]:
        """The inputs and every level's reads [B, readers · branch, H, W] to every level's features of the tasks present there."""

    def rest(self, x: Tensor, q: Sequence[Tensor], rows: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Branches and heads: the inputs and every level's reads to each task's raw output, of all rows or of the task's `rows`."""
        return self._heads(self.features(x, q), rows)

    def present(self, level: int) -> tuple[str, ...]:
        """The tasks that have features at a level, in the order of their channels there."""
        either = {*self.structure.readers[level], *self.structure.owners[level]}
        return tuple(name for name in self.tasks if name in either)

    def read_kernels(self) -> dict[int, Tensor]:
        """W of every level that is read [readers · branch, C, 1, 1], as it takes effect; differentiable."""
        return {level: read.weight for level, read in enumerate(self.reads) if isinstance(read, nn.Conv2d)}

    def read(self, shared: Sequence[Tensor], kernels: Mapping[int, Tensor] | None = None) -> list[Tensor]:
        """q of every level [B, readers · branch, H, W]; a level that nobody reads gives no channels."""
        kernels = self.read_kernels() if kernels is None else kernels
        return [F.conv2d(s, kernels[level]) if level in kernels else s[:, :0].clone() for level, s in enumerate(shared)]

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return self.rest(x, self.read(self.trunk(x)))

    def predict(self, x: Tensor) -> dict[str, Outputs]:
        """What the exported model returns, per task."""
        return {name: self.tasks[name].predict(raw.float()) for name, raw in self(x).items()}

    def by_task(self, level: int, feature: Tensor) -> dict[str, Tensor]:
        """A level's features [B, present · branch, H, W], cut into those of each task."""
        names = self.present(level)
        return dict(zip(names, feature.chunk(len(names), 1), strict=True)) if names else {}

    def _heads(self, features: Sequence[Tensor], rows: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        """Each task's head on its own channels of every level that it reads."""
        depth, raw = len(features), {}
        own: list[dict[str, Tensor]] = []
        for level, feature in enumerate(features):
            there = self.present(level)
            wanted = [name for name in there if level in self.tasks[name].levels(depth)]
            own.append(cut(feature, there, wanted) if self.training else self.by_task(level, feature))
        for name, task in self.tasks.items():
            mine = [own[level][name] for level in task.levels(depth)]
            raw[name] = self.heads[name](mine if rows is None else [feature[rows[name]] for feature in mine])
        return raw

"""What every way of sharing has in common: a trunk, a linear read of every level for all tasks at once, and the rest.

    s_1 ... s_L = trunk(x)          computed once
    q_l = W_l s_l                   every task's own linear map of level l, all tasks in one 1×1 convolution
    raw = rest(x, q)                branches and heads, where tasks never touch each other

The step of `lepton.training.step` cuts the graph at q; that cut needs nothing else of a way of sharing.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lepton.blocks import Model
from lepton.errors import LeptonError
from lepton.inputs.base import BaseInput
from lepton.kinds import load as load_kind
from lepton.sharing import sequence, trunk
from lepton.sharing.trunk import Move, convolution
from lepton.tasks import together
from lepton.tasks.base import BaseTask, Level
from lepton.tasks.pooled_linear import PooledLinear
from lepton.types import Outputs

Names = tuple[str, ...]


@dataclass(frozen=True)
class Structure:
    """Everything that decides the shapes of a network; with the weights it is the network.

    trunk, branch: channels of each level, of one trunk and per task. readers, owners: per level, the tasks that take in shared
    features there, and those that have a branch of their own. options: what else one way of sharing needs, as JSON takes it.
    trunk_kind: a name of lepton.kinds.
    """

    sharing: str
    trunk: tuple[int, ...]
    branch: tuple[int, ...]
    readers: tuple[Names, ...]
    owners: tuple[Names, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    trunk_kind: str = "strided"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Structure":
        def frozen(value: Any) -> Any:
            if isinstance(value, Mapping):
                return {key: frozen(item) for key, item in value.items()}
            return tuple(frozen(item) for item in value) if isinstance(value, list | tuple) else value

        return cls(**frozen(values))


def at_heads(tasks: Mapping[str, BaseTask], depth: int) -> tuple[Names, ...]:
    """Per level, the tasks whose head reads it."""
    return tuple(tuple(name for name, task in tasks.items() if level in task.read_levels(depth)) for level in range(depth))


def up_to_heads(tasks: Mapping[str, BaseTask], depth: int) -> tuple[Names, ...]:
    """Per level, the tasks whose head reads it or a later one."""
    last = {name: max(task.read_levels(depth)) for name, task in tasks.items()}
    return tuple(tuple(name for name in tasks if last[name] >= level) for level in range(depth))


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
    """One network for several tasks. norms, branches: per level, over the channels of the tasks present or owning there.

    moves: of every level, of the trunk and of whatever has to end on its pixels. heard: the tasks whose output another task's head
    reads. as_one: those whose heads train together and on all rows, of which one more costs next to nothing.
    prunable: can whole channels of its reads, norms and branches, and of a trunk that can be pruned, be left out?
    shifts: does adding a number to a shared channel change any loss? Not where a norm over the batch follows the reads.
    """

    moves: list[Move]
    prunable: ClassVar[bool] = False
    shifts: ClassVar[bool] = True
    norms: nn.ModuleList
    branches: nn.ModuleList

    def __init__(self, kind: BaseInput, tasks: Mapping[str, BaseTask], structure: Structure, dropout: float = 0.0):
        super().__init__()
        self.kind, self.tasks, self.structure, self.dropout = kind, dict(tasks), structure, dropout
        depth, trunk_kind = len(structure.trunk), load_kind("trunk", structure.trunk_kind)
        self.moves = trunk_kind.plan(depth, kind.kernel, kind.size)
        self.trunk = self._trunks()
        self.reads = nn.ModuleList(self._read(level) if there else nn.Identity() for level, there in enumerate(structure.readers))
        self.heads = nn.ModuleDict()
        levels = [Level(*pair) for pair in zip(structure.branch, trunk.strides(self.moves), strict=True)]
        seen = {name: [levels[level] for level in task.read_levels(depth)] for name, task in self.tasks.items()}
        for name, task in self.tasks.items():
            if not trunk_kind.tiles and len(seen[name]) > 1:
                raise LeptonError(
                    f"params.yaml: {name} looks at places in the image, which model.trunk_kind {structure.trunk_kind} does not "
                    "keep. Use strided."
                )
            self.heads[name] = task.head(seen[name], kind.size, dropout)
        self.links = sequence.links(self.tasks, self.heads, seen, kind.size)
        self.heard = {other for name in self.links for other in sequence.of(self.links, name)}
        alone = {*self.links, *self.heard}
        self.as_one = [name for name, head in self.heads.items() if type(head) is PooledLinear and name not in alone]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _trunk(self) -> nn.Module:
        """One trunk, from the inputs to every level's features; `levels` are its parts."""
        return trunk.build(self.structure.trunk_kind, self.kind, self.structure.trunk)

    def _trunks(self) -> nn.Module:
        """All that lies before the reads."""
        return self._trunk()

    def _read(self, level: int) -> nn.Module:
        """The parameters of a level's reads, where there are readers."""
        rows = len(self.structure.readers[level]) * self.structure.branch[level]
        return convolution(self.structure.trunk[level], rows, 1, 1)

    @classmethod
    @abstractmethod
    def plan(cls, model: Model, tasks: Mapping[str, BaseTask]) -> Structure:
        """The structure to start from."""

    @classmethod
    def grouped(cls, plan: Structure, groups: Sequence[Sequence[str]]) -> Structure:
        """The structure for tasks that were measured to be related in groups; most ways do not ask."""
        return plan

    @abstractmethod
    def features(self, x: Tensor, q: Sequence[Tensor]) -> list[Tensor]:
        """The inputs and every level's reads [B, readers · branch, H, W] to every level's features of the tasks present there."""

    def start(self, alpha: Mapping[str, Sequence[float]]) -> None:
        """Sets the degrees of sharing that learning starts from, where there are any."""

    def begin(self, done: float) -> bool:
        """Before every step, with the share of training done: does a part of the network start anew? Then momenta are forgotten."""
        return False

    def note(self, loss_T: Tensor) -> None:
        """After every step's backward, with the tasks' losses: whatever the network is to learn from its gradients."""

    @property
    def settled(self) -> bool:
        """Is the network what training is after? Weights of earlier epochs do not count among the best."""
        return True

    def pressure(self) -> Tensor | None:
        """A penalty that is 0 once every degree of sharing is 0 or 1; None without degrees."""
        return None

    def snap(self, margin: float) -> None:
        """After every step: fixes every degree of sharing within `margin` of 0 or 1 there, for good."""

    def degrees(self) -> dict[str, list[float]]:
        """Per task, its degree of sharing at every level; empty without degrees."""
        return {}

    def snapped(self) -> dict[str, list[bool]]:
        """Likewise, whether it is fixed."""
        return {}

    def reduced(self) -> Self:
        """The same function without what counts for nothing; itself where there is nothing of the kind."""
        return self

    def carried(self, named: Mapping[str, Tensor], smaller: "Sharing") -> dict[str, Tensor]:
        """Of one value per parameter, by its name, what belongs to `smaller`, which `reduced` has made of this."""
        return dict(named)

    def rest(self, x: Tensor, q: Sequence[Tensor], rows: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Branches and heads: the inputs and every level's reads to each task's raw output, of all rows or of those in `rows`."""
        return self._heads(self.features(x, q), rows)

    def present(self, level: int) -> tuple[str, ...]:
        """The tasks that have features at a level, in the order of their channels there."""
        either = {*self.structure.readers[level], *self.structure.owners[level]}
        return tuple(name for name in self.tasks if name in either)

    def reading(self, level: int) -> list[int] | slice:
        """Where the tasks that read a level stand among all; where all do, a slice, which copies nothing."""
        names, there = list(self.tasks), self.structure.readers[level]
        return slice(None) if there == tuple(names) else [names.index(name) for name in there]

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
        if len(names) == 1:  # litert-torch 0.10 cannot convert a cut into one part
            return {names[0]: feature}
        return dict(zip(names, feature.chunk(len(names), 1), strict=True)) if names else {}

    def _pick(self, feature: Tensor, there: Sequence[str], wanted: Sequence[str]) -> Tensor:
        """The channels of `wanted` tasks out of those of the tasks `there`."""
        if tuple(there) == tuple(wanted):
            return feature
        parts = dict(zip(there, feature.chunk(len(there), 1), strict=True))
        return torch.cat([parts[name] for name in wanted], 1)

    def _heads(self, features: Sequence[Tensor], rows: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        """Each task's head on its own channels of every level that it reads, after the heads whose output it reads."""
        depth, rows = len(features), rows or {}
        raw: dict[str, Tensor] = {}
        as_one = self.as_one if self.training else []
        own: list[dict[str, Tensor]] = []
        for level, feature in enumerate(features):
            there = self.present(level)
            wanted = [name for name in there if level in self.tasks[name].read_levels(depth) and name not in as_one]
            own.append(cut(feature, there, wanted) if self.training else self.by_task(level, feature))
            here: dict[str, Any] = {name: self.heads[name] for name in as_one if level == self.tasks[name].read_levels(depth)[-1]}
            raw |= together.pooled(here, feature, there)
        for name in sequence.order(self.tasks):
            if name in raw:
                continue
            mine = [own[level][name] for level in self.tasks[name].read_levels(depth)]
            chosen = None if name in self.heard else rows.get(name)  # other tasks have other rows
            if chosen is not None:
                mine = [feature[chosen] for feature in mine]
            for other, link in sequence.of(self.links, name).items():
                said = raw[other].detach()
                mine[-1] = mine[-1] + link(said if chosen is None else said[chosen])
            raw[name] = self.heads[name](mine)
        raw |= {name: raw[name][rows[name]] for name in self.heard if name in rows}
        return {name: raw[name] for name in self.tasks}

"""Which candidate is the smallest that every task can live with, and how far two runtimes differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lepton.errors import LeptonError
from lepton.tasks.base import BaseTask
from lepton.training.predict import Predictions


@dataclass
class Candidate:
    """values: each task's own metric. relative: its signed change against the full model, as a share; positive is better."""

    name: str
    bytes: int
    macs: int
    parameters: int
    values: dict[str, float]
    relative: dict[str, float] = field(default_factory=dict)
    within: bool = False

    def to_dict(self) -> dict[str, Any]:
        shown = {"name": self.name, "bytes": self.bytes, "macs": self.macs, "parameters": self.parameters}
        return {**shown, "tasks": self.values, "relative": self.relative, "within_tolerance": self.within}


def judge(candidates: Sequence[Candidate], reference: Mapping[str, float], tasks: Mapping[str, BaseTask]) -> Candidate:
    """Fills in every candidate's changes and returns the smallest within every task's tolerance; the first is the full model."""
    for candidate in candidates:
        for name, value in candidate.values.items():
            candidate.relative[name] = relative(value, reference[name], tasks[name].higher_is_better)
        candidate.within = all(change >= -tasks[name].tolerance for name, change in candidate.relative.items())
    fit = [candidate for candidate in candidates if candidate.within] or [candidates[0]]
    return min(fit, key=lambda candidate: (candidate.bytes, candidate.macs))


def relative(value: float, reference: float, higher_is_better: bool) -> float:
    """Signed relative change; positive is better."""
    change = (value - reference) / max(abs(reference), 1e-9)
    return change if higher_is_better else -change


def parity(one: Predictions, other: Predictions) -> dict[str, float]:
    """Largest absolute difference of each output `task.field`."""
    return {
        f"{task}.{field}": float(np.abs(value - other[task][field]).max())
        for task, fields in one.items()
        for field, value in fields.items()
    }


def require(parity: Mapping[str, Mapping[str, float]], limit: float) -> None:
    """An export that differs from the network it was made of is no export: LeptonError."""
    for runtime, fields in parity.items():
        for name, difference in fields.items():
            if not difference <= limit:
                raise LeptonError(
                    f"compress: {name} differs by {difference:.2g} between PyTorch and {runtime} on real rows, more than "
                    f"compress.parity ({limit:g}). Keep the earlier model; try other widths, or report the network that does this."
                )

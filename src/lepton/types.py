"""Values that pass between rooms, and the letters that name their axes.

Shape suffixes, as in `logits_BK`:
    B  samples in a batch        C  channels               T  tasks
    N  rows of a table or split  H  height, pixels         L  levels of the trunk
    K  classes                   W  width, pixels          M  boxes per image, padded
    D  detections                I  IoU thresholds
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

Labels = dict[str, Tensor]
"""One task's labels of a batch. `present` [B] bool says which rows have one; the other fields are the task's own."""

Arrays = dict[str, np.ndarray]
"""The same on disk and before the device: every field has one entry per row."""

Outputs = dict[str, Tensor]
"""One task's predictions, by field; what the exported model returns as `task.field`."""


@dataclass(frozen=True)
class Source:
    """Where a column comes from: the folder that file names in it are relative to, and the input's (height, width)."""

    folder: Path
    size: tuple[int, int]


@dataclass(frozen=True)
class Batch:
    """Inputs [B, ...] and, per task, its labels."""

    inputs: Tensor
    labels: dict[str, Labels]


@dataclass(frozen=True)
class Share:
    """Which rows of a batch are one process's: every `of`-th from `first`. Each process has as many."""

    first: int = 0
    of: int = 1

    @property
    def rows(self) -> slice:
        return slice(self.first, None, self.of)


@dataclass(frozen=True)
class Warp:
    """What an augmentation did to each sample, for labels that move with it.

    matrix_B23 maps a source pixel (x, y, 1) to its new place; angle_B is the rotation in degrees, clockwise as seen;
    scale_B the magnification; flip_B whether left and right changed places; size the (height, width) in pixels.
    """

    matrix_B23: Tensor
    angle_B: Tensor
    scale_B: Tensor
    flip_B: Tensor
    size: tuple[int, int]


@dataclass(frozen=True)
class Expectation:
    """One check on one column, in the words of great_expectations; `lepton.data.checks` turns it into theirs.

    column: of the table, or `<column>: <fault>`, the yes-no column of a kind's `faults`.
    name: the expectation's type in great_expectations, e.g. expect_column_values_to_be_in_set.
    options: its arguments beside column and mostly.
    fix: tells the user what to do.
    mostly: below this share of passing non-null rows the data is refused; from there up to 1 it is a warning, and
        clean repairs what is at fault. After cleaning, 1 is asked of every expectation that takes a `mostly`.
    """

    column: str
    name: str
    options: dict[str, Any]
    fix: str
    mostly: float | None = 1.0

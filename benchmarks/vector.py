"""Rows of numbers as an input: what missing_labels needs beside Lepton's kinds."""

from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor

from lepton.blocks import Augment, Validate
from lepton.inputs.base import BaseInput
from lepton.types import Expectation, Share, Source, Warp


class Vector(BaseInput):
    """F features of a row, stored [N, F] and seen as the channels of one pixel [B, F, 1, 1]."""

    type: Literal["vector"] = "vector"
    column: str = "features"
    size: tuple[int, int] = (1, 1)
    features: int

    @property
    def kernel(self) -> int:
        return 1

    def faults(self, column: pd.Series, source: Source) -> dict[str, pd.Series]:
        return {}

    def expectations(self, limits: Validate) -> list[Expectation]:
        return []

    def encode(self, column: pd.Series, source: Source) -> np.ndarray:
        return np.stack(column.to_list())

    def example(self, rows: int) -> Tensor:
        return torch.zeros(rows, self.features, 1, 1)

    def prepare(self, stored: Tensor) -> Tensor:
        return stored.float()[:, :, None, None].contiguous(memory_format=torch.channels_last)

    def augment(self, inputs: Tensor, plan: Augment, *, generator: Generator, share: Share = Share()) -> tuple[Tensor, Warp]:
        raise NotImplementedError("rows of numbers have no augmentation; an empty plan never asks for one")

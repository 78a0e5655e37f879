"""What every kind of input brings."""

from abc import ABC, abstractmethod

import numpy as np
import pandas as pd
from torch import Generator, Tensor

from lepton.blocks import Augment, Input, Validate
from lepton.types import Expectation, Share, Source, Warp


class BaseInput(Input, ABC):
    """A kind of input. Its name in params.yaml is chosen by the user, its `type` is the kind."""

    size: tuple[int, int]  # height, width

    @property
    @abstractmethod
    def kernel(self) -> int:
        """Side of the trunk's convolutions; 1 where neighbours mean nothing."""

    @abstractmethod
    def faults(self, column: pd.Series, source: Source) -> dict[str, pd.Series]:
        """Reason -> for each row False, or what is at fault: True, or what was looked for and not found."""

    @abstractmethod
    def expectations(self, limits: Validate) -> list[Expectation]:
        """What great_expectations is to check on the column."""

    @abstractmethod
    def encode(self, column: pd.Series, source: Source) -> np.ndarray:
        """Faultless cells to what is stored [N, ...]."""

    def describe(self, column: pd.Series, source: Source) -> dict[str, np.ndarray]:
        """What faultless cells are like: numbers [N] by name, which drift is looked for in."""
        stored = self.encode(column, source).reshape(len(column), -1)
        return {"mean": stored.mean(1), "spread": stored.std(1)}

    @abstractmethod
    def example(self, rows: int) -> Tensor:
        """A zero batch as the network sees it [rows, C, H, W]."""

    @abstractmethod
    def prepare(self, stored: Tensor) -> Tensor:
        """A stored batch to what the network and its exports take, float32 [B, C, H, W]."""

    @abstractmethod
    def augment(self, inputs: Tensor, plan: Augment, *, generator: Generator, share: Share = Share()) -> tuple[Tensor, Warp]:
        """Random changes to a prepared batch, and what they did to each sample.

        inputs: the rows of `share`; numbers are drawn for the whole batch, so that a row fares alike on any number of processes.
        """

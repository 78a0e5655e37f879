"""One class out of K per row: its faults, its numbers, their balance. What classification and ordinal have in common."""

from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from lepton.blocks import Validate
from lepton.tasks.base import BaseTask, Distinct, inverse_frequency
from lepton.types import Arrays, Expectation, Source


class OneOf(BaseTask):
    """The column holds one of `classes`."""

    classes: Annotated[tuple[int | str, ...], Field(min_length=2), Distinct]

    def faults(self, column: pd.Series, source: Source) -> dict[str, pd.Series]:
        return {"unknown class": column.notna() & ~column.isin(self.classes)}

    def expectations(self, limits: Validate) -> list[Expectation]:
        fix = "Fix the export or add the class in params.yaml."
        return [Expectation(self.column, "expect_column_values_to_be_in_set", {"value_set": list(self.classes)}, fix)]

    def encode(self, column: pd.Series, source: Source) -> Arrays:
        index = {name: number for number, name in enumerate(self.classes)}
        number_N = np.array([index.get(value, -1) for value in column], np.int64)
        return {"present": number_N >= 0, "class": number_N.clip(min=0)}

    def describe(self, labels: Arrays) -> dict[str, np.ndarray]:
        return {"classes": np.eye(len(self.classes))[labels["class"]]}

    def balance(self, labels: Arrays, power: float) -> list[float] | None:
        if not labels["present"].any():
            return None
        counts_K = np.bincount(labels["class"][labels["present"]], minlength=len(self.classes)).astype(float)
        return inverse_frequency(counts_K, power)

    def show_label(self, labels: Arrays, row: int) -> Any:
        return self.classes[int(labels["class"][row])] if labels["present"][row] else None

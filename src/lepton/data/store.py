"""Prepared samples: one memory-mapped array per field. A batch is one fancy index and one transfer."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lepton import files
from lepton.types import Arrays, Batch, Labels


class Samples:
    """One split: inputs [N, ...] and, per task, label fields with N entries each."""

    def __init__(self, inputs: np.ndarray, labels: Mapping[str, Arrays], ids: list[str]):
        self.inputs, self.labels, self.ids = inputs, dict(labels), ids

    def __len__(self) -> int:
        return len(self.inputs)

    def batch(self, rows: Tensor, device: torch.device) -> Batch:
        """Rows (int64 on the CPU) as one batch on the device, inputs still as stored."""

        def pick(array: np.ndarray) -> Tensor:
            return torch.from_numpy(array[index]).to(device, non_blocking=True)

        index = rows.numpy()
        labels: dict[str, Labels] = {
            task: {field: pick(array) for field, array in fields.items()} for task, fields in self.labels.items()
        }
        return Batch(pick(self.inputs), labels)

    def only(self, *tasks: str) -> "Samples":
        """The same rows with the labels of some tasks."""
        return Samples(self.inputs, {task: self.labels[task] for task in tasks}, self.ids)

    def take(self, rows: np.ndarray) -> "Samples":
        labels = {task: {field: array[rows] for field, array in fields.items()} for task, fields in self.labels.items()}
        return Samples(self.inputs[rows], labels, [self.ids[row] for row in rows])

    def save(self, folder: Path) -> None:
        """Replaces the folder whole."""
        with files.replacing_folder(folder) as temporary:
            files.write_array(temporary / "input.npy", self.inputs)
            for task, fields in self.labels.items():
                for field, array in fields.items():
                    files.write_array(temporary / f"{task}.{field}.npy", array)
            files.write_json(temporary / "rows.json", self.ids)

    @classmethod
    def load(cls, folder: Path) -> "Samples":
        ids = files.read_json(folder / "rows.json")
        labels: dict[str, Arrays] = {}
        for path in sorted(folder.glob("*.*.npy")):
            task, field, _ = path.name.split(".")
            labels.setdefault(task, {})[field] = np.load(path, mmap_mode="r")
        return cls(np.load(folder / "input.npy", mmap_mode="r"), labels, ids)

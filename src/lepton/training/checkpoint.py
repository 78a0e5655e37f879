"""Training state on disk, outside DVC's outputs, so that an interrupted run goes on where it was."""

from pathlib import Path
from typing import Any

import torch

from lepton import files


def save(path: Path, state: dict[str, Any]) -> None:
    files.write(path, lambda temporary: torch.save(state, temporary))


def load(path: Path) -> dict[str, Any] | None:
    """The state of an earlier run of the same key, its tensors on the CPU, or None."""
    return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None

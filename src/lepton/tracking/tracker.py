"""Where a stage tells what it does while it runs. The no-op has the same signature, so no one asks whether to track."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class Tracker(Protocol):
    def log(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """One point of each metric's history."""

    def summary(self, metrics: Mapping[str, Any]) -> None:
        """Final numbers of the stage; nested keys are joined by dots."""

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table of numbers and words."""

    def image(self, name: str, path: Path) -> None:
        """A picture that shows samples of the data: kept back unless tracking.media is true."""

    def figure(self, name: str, path: Path) -> None:
        """A picture of numbers, in which no sample of the data can be seen."""

    def artifact(self, name: str, kind: str, paths: Sequence[Path], metadata: Mapping[str, Any]) -> None:
        """Files as one versioned artifact, e.g. the model."""

    def finish(self, ok: bool) -> dict[str, Any]:
        """Ends the run; returns what a record should keep of it: its id and folder, and whether it went online."""


class NoTracker:
    """Tracks nothing."""

    def log(self, metrics: Mapping[str, float], step: int | None = None) -> None: ...
    def summary(self, metrics: Mapping[str, Any]) -> None: ...
    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None: ...
    def image(self, name: str, path: Path) -> None: ...
    def figure(self, name: str, path: Path) -> None: ...
    def artifact(self, name: str, kind: str, paths: Sequence[Path], metadata: Mapping[str, Any]) -> None: ...
    def finish(self, ok: bool) -> dict[str, Any]:
        return {}

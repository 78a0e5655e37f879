"""A stage's run in Weights & Biases. What is sent: params, numbers, figures, the model; never samples unless allowed."""

import functools
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import wandb

from lepton import environment

F = TypeVar("F", bound=Callable[..., Any])


def _harmless(method: F) -> F:
    """Trouble becomes one warning; after it the tracker keeps silent, so that a stage is not slowed by a dead network."""

    @functools.wraps(method)
    def careful(self: "Wandb", *arguments: Any, **options: Any) -> Any:
        if self.broken:
            return {}
        try:
            return method(self, *arguments, **options)
        except Exception as error:  # noqa: BLE001  of whatever kind: the stage matters more
            self.broken = True
            logging.getLogger("lepton").warning("tracking: %s: %s; it stops here", type(error).__name__, error)
            return {}

    return careful  # type: ignore[return-value]


class Wandb:
    """Tracker, as in `lepton.tracking.tracker`."""

    def __init__(self, stage: str, *, group: str, project: str, config: Mapping[str, Any], media: bool, tags: Sequence[str] = ()):
        self.broken = False
        self.media = media
        options: dict[str, Any] = {
            "project": project,
            "group": group,
            "job_type": stage,
            "name": f"{stage}-{group}",
            "tags": list(tags),
            "config": dict(config),
            "settings": _settings(),
        }
        online = os.environ.get("WANDB_API_KEY") and os.environ.get("WANDB_MODE", "online") == "online"
        try:
            self.run = wandb.init(mode="online" if online else "offline", **options)
        except wandb.Error as error:
            if not online:
                raise
            logging.getLogger("lepton").warning("tracking: %s; kept offline, `wandb sync` sends it later", error)
            self.run = wandb.init(mode="offline", **options)
        self.run.define_metric("*", step_metric="step")

    @_harmless
    def log(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        # W&B's own step may never go back, and drops what does; ours starts again with every network of a stage
        self.run.log(dict(metrics) if step is None else {**metrics, "step": step})

    @_harmless
    def summary(self, metrics: Mapping[str, Any]) -> None:
        self.run.summary.update(dict(_flat(metrics)))

    @_harmless
    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.run.log({name: wandb.Table(columns=list(columns), data=[list(row) for row in rows])})

    def image(self, name: str, path: Path) -> None:
        if self.media:
            self.figure(name, path)

    @_harmless
    def figure(self, name: str, path: Path) -> None:
        vector = path.suffix == ".svg"
        self.run.log({name: wandb.Html(path.read_text(encoding="utf-8")) if vector else wandb.Image(str(path))})

    @_harmless
    def artifact(self, name: str, kind: str, paths: Sequence[Path], metadata: Mapping[str, Any]) -> None:
        artifact = wandb.Artifact(name, type=kind, metadata=dict(metadata))
        for path in paths:
            artifact.add_file(str(path), name=path.name)
        self.run.log_artifact(artifact)

    @_harmless
    def finish(self, ok: bool) -> dict[str, Any]:
        place = Path(self.run.dir).parent
        self.run.finish(exit_code=0 if ok else 1)
        wandb.teardown()  # waits until the run is on disk
        home = environment.home()
        told = str(place.relative_to(home) if place.is_relative_to(home) else place.name)
        return {"id": self.run.id, "dir": told, "online": not self.run.offline}


def _settings() -> wandb.Settings:
    """Nothing of the machine, of the command line, of the code or of the terminal leaves with a run."""
    return wandb.Settings(
        silent=True,
        console="off",
        host="private",
        program="lepton",
        disable_git=True,
        disable_code=True,
        disable_job_creation=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
        init_timeout=20,
    )


def _flat(metrics: Mapping[str, Any], prefix: str = "") -> "list[tuple[str, Any]]":
    pairs: list[tuple[str, Any]] = []
    for key, value in metrics.items():
        name = f"{prefix}{key}"
        pairs += _flat(value, f"{name}.") if isinstance(value, Mapping) else [(name, value)]
    return pairs

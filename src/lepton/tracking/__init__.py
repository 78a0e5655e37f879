"""Telling Weights & Biases what a stage does. Offline unless a key is set; off with LEPTON_TRACKING=off."""

import json
import logging
import os
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from lepton.config import Params
from lepton.errors import LeptonError, redacted
from lepton.ops import git, lineage
from lepton.tracking.tracker import NoTracker, Tracker

PACKAGES = ("lepton", "torch", "numpy", "scikit-learn", "onnxruntime", "dvc", "prefect", "wandb")


def off() -> bool:
    """Has the user switched it off?"""
    return os.environ.get("LEPTON_TRACKING") == "off" or os.environ.get("WANDB_MODE") == "disabled"


def start(stage: str, params: Params, root: Path | None = None, group: str | None = None, tags: Sequence[str] = ()) -> Tracker:
    """A run for one execution of `stage` in the project `root`; group: by default the pipeline's run ($LEPTON_RUN, else `manual`).

    Trouble with tracking never fails a stage: it is said in one line, and nothing is tracked.
    """
    if off():
        return NoTracker()
    try:
        from lepton.tracking.wandb import Wandb

        return Wandb(
            stage,
            group=group or os.environ.get("LEPTON_RUN", "manual"),
            project=params.tracking.project,
            config=_config(params) | {"lineage": _lineage(root or Path.cwd())},
            media=params.tracking.media,
            tags=tags,
        )
    except Exception as error:  # noqa: BLE001  of whatever kind: the stage matters more
        logging.getLogger("lepton").warning("tracking: %s: %s; this stage is not tracked", type(error).__name__, error)
        return NoTracker()


def _config(params: Params) -> dict[str, Any]:
    config = params.model_dump(mode="json", by_alias=True, serialize_as_any=True)  # kinds have keys of their own
    if params.data.path.is_absolute():  # whose machine it is on concerns no one else
        config["data"]["path"] = params.data.path.name
    told: dict[str, Any] = json.loads(redacted(json.dumps(config)))
    return told


def _lineage(root: Path) -> dict[str, Any]:
    """Commit, whether the tree differs from it, the hashes of data and outputs, versions of packages."""
    try:
        commit, changed = git.sha(root), git.changed(root)
    except LeptonError:  # no repository, or one without a commit
        commit, changed = None, []
    return {
        "commit": commit,
        "clean": not set(changed) - {"dvc.lock"},  # which a run itself writes
        "hashes": lineage.hashes(root),
        "versions": {name: metadata.version(name) for name in PACKAGES},
    }

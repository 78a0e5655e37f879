"""The real project, small, as a world: one champion, and then another parameter of training."""

import shutil
from pathlib import Path

import small
import worlds
import yaml

from lepton.ops import git

TASKS = ("digit", "tilt")  # the quickest two, of two kinds
QUICK = {
    "train": {"epochs": 3, "batch_size": 64},
    "baseline": {"lrs": [0.01]},
    "adapt": {"episodes": 5, "test_episodes": 5},
    "clean": {"suspects": False},
    "gate": {"mean": -1e6},
}
CHANGED = {"train": {"l1": 1e-6}}


def make(place: Path) -> worlds.World:
    from lepton.starter import vision

    world = worlds.World(place, "starter", "flows.retrain")
    vision.build(place / "starter")
    root = small.make(world.project, place / "starter")
    shutil.rmtree(place / "starter")
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["tasks"] = {name: params["tasks"][name] for name in TASKS}
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    small.change(root, **QUICK)
    git.run(root, "config", "user.name", "test")
    git.run(root, "config", "user.email", "test@localhost")
    config = root / ".dvc/config"
    config.write_text(config.read_text().replace("../.lepton/remote", "../../remote"))
    git.run(place, "init", "--quiet", "--bare", str(world.origin))
    world.wire()
    small.commit(root)
    push(world)
    code, said = world.run(clone=False)
    assert (code, "now champion/1" in said) == (0, True), said
    small.commit(root)
    small.change(root, **CHANGED)
    small.commit(root)
    push(world)
    return world


def push(world: worlds.World) -> None:
    git.run(world.project, "push", "--quiet", "origin", "HEAD")


def share(reference: worlds.World, world: worlds.World, but: str | None = None) -> None:
    """Lets `world` find in its cache what `reference` has made, but for the outputs of one stage.

    What was made of these it finds only where it makes the same bytes again: so a run that trains again is short.
    """
    ours, theirs = (one.project / ".dvc/cache" for one in (world, reference))
    shutil.copytree(theirs / "files", ours / "files", dirs_exist_ok=True)
    for entry in (theirs / "runs").glob("*/*/*"):
        if not but or f"lepton.stages.{but}" not in entry.read_text():
            target = ours / entry.relative_to(theirs)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(entry, target)

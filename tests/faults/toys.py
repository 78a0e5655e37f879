"""The toy project as a world: one champion, and then other parameters that every stage runs again for."""

import sys
from pathlib import Path

import pytest
import toy_flow
import worlds

import toy
from lepton.ops import champion, dvc, git, publishing

CHANGED = [
    ("clean: {epochs: 1}", "clean: {epochs: 2}"),
    ("train: {epochs: 1}", "train: {epochs: 2}"),
    ("{explain: 1}", "{explain: 2}"),
]


def make(place: Path) -> worlds.World:
    world = worlds.World(place, "toy", "toy_flow")
    root = toy.make(world.project)
    toy.run(place, "git", "init", "--quiet", "--bare", str(world.origin))
    world.wire()
    toy.run(root, sys.executable, "-m", "dvc", "remote", "add", "--quiet", "--default", "storage", "../remote")
    toy.finish(root)
    toy.commit(root)
    branch = git.run(root, "rev-parse", "--abbrev-ref", "HEAD")
    git.run(root, "push", "--quiet", "origin", branch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(champion, "MODEL", toy_flow.MODEL)
        patch.setattr(champion, "METRICS", toy_flow.METRICS)
        there = publishing.publish(root, "first", {})
        champion.promote(root, "gate", {"champion": None}, there.commit)
    for old, new in CHANGED:
        toy.set_param(root, old, new)
    toy.commit(root)
    git.run(root, "push", "--quiet", "origin", branch)
    assert dvc.plan(root).todo == ["first", "side", "last"]
    world.prepare_prefect()
    return world

"""The toy project as a world: one champion, and then other parameters that every stage runs again for."""

from collections.abc import Callable
from pathlib import Path

import pytest
import toy_flow
from worlds import World

import arrivals
import toy
from lepton.ops import champion, dvc, git, publishing

CHANGED = [
    ("clean: {epochs: 1}", "clean: {epochs: 2}"),
    ("train: {epochs: 1}", "train: {epochs: 2}"),
    ("{explain: 1}", "{explain: 2}"),
]


def make(place: Path) -> World:
    world = _finished(World(place, "toy", "toy_flow"))
    for old, new in CHANGED:
        toy.set_param(world.project, old, new)
    toy.commit(world.project)
    git.run(world.project, "push", "--quiet", "origin", "HEAD")
    assert dvc.plan(world.project).todo == ["first", "side", "last"]
    return world


def with_a_drop(place: Path) -> World:
    """In the place of other parameters, new data: a row more, and one replaced."""
    world = _finished(World(place, "toy with a drop", "toy_flow", ("--ingest",)), arrivals.make)
    arrivals.drop(world.project, "monday", arrivals.rows(["d", "e"], digit=1))
    return world


def _finished(world: World, becomes: Callable[[Path], object] = lambda root: None) -> World:
    """The toy project, or what it `becomes`, with every stage run, pushed, and its model as the champion."""
    root = toy.make(world.project)
    becomes(root)
    (root / ".dvc/config").write_text("[core]\n    remote = storage\n['remote \"storage\"']\n    url = ../../remote\n")
    toy.run(world.place, "git", "init", "--quiet", "--bare", str(world.origin))
    world.wire()
    toy.finish(root)
    toy.commit(root)
    git.run(root, "push", "--quiet", "origin", "HEAD")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(champion, "MODEL", toy_flow.MODEL)
        patch.setattr(champion, "METRICS", toy_flow.METRICS)
        there = publishing.publish(root, "first", {})
        champion.promote(root, "gate", {"champion": None}, there.commit)
    return world

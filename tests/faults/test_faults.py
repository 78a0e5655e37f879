"""A run that is killed leaves nothing that a reader would see, and the next one ends as if it had never been; so do two at once."""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import points
import pytest
import starters
import toys
import worlds
from points import Point
from prefect.settings import PREFECT_API_URL
from worlds import Expected, World

pytestmark = pytest.mark.timeout(900)
Tell = Callable[[str, object], None]


def killed_and_run_again(world: World, point: Point, expected: dict, server: str | None, tell: Tell) -> None:
    """tell: gets what stands in the table."""
    tell("project", world.name)
    tell("killed", point.name)
    tell("where", "clone" if point.clone else "in place")
    before = worlds.promised(world)
    code, said = world.run(point.clone, [point.kill], server)
    assert (code, world.log.read_text().split()) == (-signal.SIGKILL, ["killed"]), said
    whole_and_as_uninterrupted(world, point.clone, before, expected, server, tell)


def whole_and_as_uninterrupted(world: World, clone: bool, before: dict, expected: dict, server: str | None, tell: Tell) -> None:
    assert worlds.promised(world).items() >= before.items(), "the champion is as it was, and all that others see is there"
    worlds.sound(world)
    assert world.left_over() == []
    tell("at once", f"champion/{len(worlds.champions(world))} whole")
    code, said = world.run(clone, server=server)
    assert code == 0, said
    tell("then", said.splitlines()[-1].partition(":")[0])
    worlds.sound(world)
    worlds.promised(world)
    assert worlds.outcome(world) == expected


def marked(point: Point) -> Any:
    return pytest.param(point, id=str(point), marks=[] if point in points.QUICK else pytest.mark.faults)


@pytest.mark.parametrize("point", [marked(point) for point in points.TOY])
def test_killed_on_the_toy(world: World, point: Point, expected: Expected, record_property: Tell) -> None:
    """In a clone by a server that lives on, as `make serve` runs it; in place with a server of the run's own."""
    server = expected.server if point.clone else None
    killed_and_run_again(world, point, expected(point.clone), server, record_property)


@pytest.fixture(scope="module")
def with_a_drop(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Expected:
    base = toys.with_a_drop(tmp_path_factory.mktemp("drop") / "base")
    return Expected(base, tmp_path_factory.mktemp("expected"), str(PREFECT_API_URL.value()))


@pytest.mark.faults
@pytest.mark.parametrize("point", points.DROPS, ids=str)
def test_killed_while_new_data_is_taken_in(with_a_drop: Expected, point: Point, tmp_path: Path, record_property: Tell) -> None:
    world = with_a_drop.base.copy(tmp_path / "world")
    try:
        killed_and_run_again(world, point, with_a_drop(point.clone), with_a_drop.server, record_property)
    finally:
        world.end()


@pytest.fixture(scope="module")
def starter_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return starters.make(tmp_path_factory.mktemp("starters") / "base")


@pytest.fixture(scope="module")
def uninterrupted(starter_world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    reference = starter_world.copy(tmp_path_factory.mktemp("uninterrupted") / "world")
    code, said = reference.run(clone=True)
    assert (code, "now champion/2" in said) == (0, True), said
    return reference


@pytest.mark.faults
@pytest.mark.parametrize("point", points.STARTER, ids=str)
def test_killed_on_the_starter(
    starter_world: World, uninterrupted: World, point: Point, tmp_path: Path, record_property: Tell
) -> None:
    """Of what the uninterrupted run has made, the stage that is killed finds nothing, and others what belongs to equal bytes."""
    world, trains = starter_world.copy(tmp_path / "world"), "lepton.stages.train" in point.kill["process"]
    starters.share(uninterrupted, world, but="train" if trains else None)
    try:
        killed_and_run_again(world, point, worlds.outcome(uninterrupted), None, record_property)
    finally:
        world.end()
    if trains:
        ran = re.search(r"train +ran .*\n( *\w+ +cached .*\n)+", world.said.read_text())
        assert ran, "it trained to the very bytes that the stages after it were made of"


@pytest.mark.faults
@pytest.mark.parametrize("number", range(int(os.environ.get("FAULT_MOMENTS", "0"))))
def test_killed_at_any_moment(world: World, number: int, expected: Expected, record_property: Tell) -> None:
    """$FAULT_MOMENTS of them, evenly at random over what a run does, from $FAULT_SEED; in a clone and in place by turns."""
    random = np.random.default_rng([int(os.environ.get("FAULT_SEED", "0")), number])
    clone, server = number % 2 == 0, expected.server
    wanted, moment = expected(clone), random.uniform(*expected.work[clone])
    before = worlds.promised(world)
    process = world.start(clone, points.PASSED, server)
    with suppress(subprocess.TimeoutExpired):
        process.wait(moment)
    code, passed = world.kill(process), [line.partition(" ")[2] for line in world.passed()]
    when = "after its end" if code == 0 else f"in {passed[-1]}" if passed else "before it did anything"
    record_property("project", world.name)
    record_property("killed", f"at {moment:.2f} s, {when}")
    record_property("where", "clone" if clone else "in place")
    whole_and_as_uninterrupted(world, clone, before, wanted, server, record_property)


def both(world: World, expected: Expected, clone: bool) -> list[tuple[int, str]]:
    """Two runs that begin together: how each of them ended, and what it printed."""
    names = ("one.txt", "other.txt")
    processes = [world.start(clone, server=expected.server, said=name) for name in names]
    codes = [process.wait(worlds.PATIENCE) for process in processes]
    return list(zip(codes, [(world.place / name).read_text() for name in names], strict=True))


def test_two_runs_at_once_in_clones_make_one_champion(world: World, expected: Expected) -> None:
    ended = both(world, expected, clone=True)
    assert [code for code, _ in ended] == [0, 0], ended
    assert any("now champion/2" in said for _, said in ended), ended
    assert worlds.outcome(world) == expected(True)
    worlds.promised(world)
    worlds.sound(world)


@pytest.mark.faults
def test_two_runs_at_once_in_place_end_well_or_say_why(world: World, expected: Expected) -> None:
    ended = both(world, expected, clone=False)
    for code, said in ended:
        assert code == 0 or (code == 2 and "another run of this project is under way" in said), ended
    assert any(code == 0 for code, _ in ended), ended
    code, said = world.run(clone=False, server=expected.server)
    assert (code, "Unchanged" in said) == (0, True), said
    assert worlds.outcome(world) == expected(False)
    worlds.promised(world)
    worlds.sound(world)

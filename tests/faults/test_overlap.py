"""Two runs at once: one waits for the other or ends with a word why, and what they leave is what one run leaves."""

import pytest
import worlds
from prefect.settings import PREFECT_API_URL
from worlds import Expected, World

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.timeout(600)]


def both(world: World, clone: bool) -> list[tuple[int, str]]:
    """Two runs that begin together: how each of them ended, and what it printed."""
    server = str(PREFECT_API_URL.value())
    one = world.start(clone, server=server, said="one.txt")
    other = world.start(clone, server=server, said="other.txt")
    codes = [one.wait(worlds.PATIENCE), other.wait(worlds.PATIENCE)]
    return list(zip(codes, [(world.place / name).read_text() for name in ("one.txt", "other.txt")], strict=True))


def test_two_runs_in_clones_make_one_champion(world: World, expected: Expected) -> None:
    ended = both(world, clone=True)
    assert [code for code, _ in ended] == [0, 0], ended
    assert sorted("now champion/2" in said for _, said in ended) == [False, True], ended
    found = worlds.outcome(world)
    assert found == expected(True)
    worlds.promised(world)
    worlds.sound(world)


def test_two_runs_in_place_end_well_or_say_that_the_other_one_is_under_way(world: World, expected: Expected) -> None:
    ended = both(world, clone=False)
    for code, said in ended:
        assert code == 0 or (code == 2 and "another run of this project is under way" in said), ended
    assert any(code == 0 for code, _ in ended), ended
    code, said = world.run(clone=False)
    assert (code, "Unchanged" in said) == (0, True), said
    assert worlds.outcome(world) == expected(False)
    worlds.promised(world)
    worlds.sound(world)

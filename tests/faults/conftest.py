"""The toy's world, what an uninterrupted run makes of it, and, at the end, the table of all that was killed."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import toys
from prefect.settings import PREFECT_API_URL
from worlds import Expected, World

sys.path.append(str(Path(__file__).parents[1] / "pipeline"))
COLUMNS = ("project", "killed", "where", "at once", "then")


@pytest.fixture(scope="session")
def toy_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return toys.make(tmp_path_factory.mktemp("toys") / "base")


@pytest.fixture(scope="session")
def expected(toy_world: World, prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Expected:
    return Expected(toy_world, tmp_path_factory.mktemp("expected"), str(PREFECT_API_URL.value()))


@pytest.fixture
def world(toy_world: World, tmp_path: Path) -> Iterator[World]:
    made = toy_world.copy(tmp_path / "world")
    yield made
    made.end()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for every kill: where, and whether the next run made good."""
    rows = []
    for how in ("passed", "failed"):
        for report in terminalreporter.getreports(how):
            if report.when == "call" and (told := dict(report.user_properties)):
                rows.append((*(str(told.get(key, "-")) for key in COLUMNS), "yes" if how == "passed" else "NO"))
    if not rows:
        return
    lines = [(*COLUMNS, "as uninterrupted"), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    terminalreporter.write_line("")
    for line in lines:
        terminalreporter.write_line("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())

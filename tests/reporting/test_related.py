"""Promises of what `lepton relate` prints."""

import io
from pathlib import Path

from rich.console import Console
from synthetic_artifacts import TASKS

from lepton import files
from lepton.reporting.related import heat, tint, told


def printed(root: Path) -> str:
    said = io.StringIO()
    for part in told(root):
        Console(file=said, width=120).print(part)
    return said.getvalue()


def test_it_tells_gains_ranking_groups_and_reliability(project: Path) -> None:
    said = printed(project)
    for part in (*TASKS, "digit – objects", "± 0.21", "share a trunk: digit + objects + ink + tilt. Stand alone: photo.", "+0.74"):
        assert part in said


def test_without_enough_pairs_it_says_so(project: Path) -> None:
    path = project / "artifacts/relate/relatedness.json"
    files.write_json(path, files.read_json(path) | {"halves": None, "groups": [[name] for name in TASKS]})
    said = printed(project)
    assert "too few pairs" in said
    assert "share a trunk: none" in said


def test_the_largest_gain_is_the_strongest_tint() -> None:
    assert tint(0.001, 1.0) == ""
    assert tint(1.0, 1.0) != tint(0.5, 1.0) != tint(-0.5, 1.0)
    assert heat(["a", "b"], [[0.0, None], [0.0, 0.0]]).row_count == 2

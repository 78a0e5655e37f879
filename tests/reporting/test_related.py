"""Promises of what `lepton relate` prints."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from synthetic_artifacts import TASKS

from lepton import files
from lepton.reporting.related import heat, reliability, tint, told


def printed(root: Path) -> str:
    said = io.StringIO()
    for part in told(root):
        Console(file=said, width=200).print(part)
    return said.getvalue()


def test_it_tells_gains_ranking_groups_and_reliability(project: Path) -> None:
    said = printed(project)
    groups = "share a trunk: digit + objects + ink + tilt. Predicted: digit ", "stand alone: photo."
    for part in (*TASKS, "digit – objects", "± 0.2", *groups, "+0.74"):
        assert part in said


def test_without_enough_pairs_it_says_so(project: Path) -> None:
    path = project / "artifacts/relate/relatedness.json"
    files.write_json(path, files.read_json(path) | {"halves": None, "groups": [[name] for name in TASKS]})
    said = printed(project)
    assert "too few pairs" in said
    assert "share a trunk" not in said


def test_a_budget_of_trunks_is_said_where_it_decides(project: Path) -> None:
    assert "allows" not in printed(project)
    path = project / "artifacts/relate/relatedness.json"
    files.write_json(path, files.read_json(path) | {"limited": True})
    assert "relate.trunks allows no more than 2" in printed(project)


@pytest.mark.parametrize(("halves", "word"), [(0.9, "good"), (0.5, "fair"), (-0.1, "poor"), (None, "too few")])
def test_reliability_is_put_into_a_word(halves: float | None, word: str) -> None:
    assert word in reliability(halves)


def test_the_largest_gain_is_the_strongest_tint() -> None:
    assert tint(0.001, 1.0) == ""
    assert tint(1.0, 1.0) != tint(0.5, 1.0) != tint(-0.5, 1.0)
    assert heat(["a", "b"], [[0.0, None], [0.0, 0.0]]).row_count == 2

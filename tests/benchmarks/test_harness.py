"""Promises of what all benchmarks share."""

import argparse
import json
from pathlib import Path

import pytest

from benchmarks import harness

ROWS = [{"way": "one", "ms": 12.5}, {"way": "other", "ms": None, "more": 3}]
CLAIMS = [harness.at_most("cost", 1.2, 1.15), harness.at_least("speed", 0.97, 0.95), harness.at_least("peer", None, 1)]


def options(*given: str) -> argparse.Namespace:
    return harness.parser("some", "What is measured.").parse_args(given)


def test_results_hold_machine_versions_rows_and_claims(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = harness.save("some", options("--out", str(tmp_path / "deep/some.json")), "a setting", ROWS, CLAIMS)
    found = json.loads(path.read_text())
    assert path == tmp_path / "deep/some.json"
    assert found["rows"] == ROWS
    assert [claim["holds"] for claim in found["claims"]] == [False, True, None]
    assert found["claims"][0] == {"claim": "cost", "value": 1.2, "sign": "≤", "bound": 1.15, "holds": False}
    assert found["machine"].keys() == {"cpu", "cores", "threads", "memory_gib", "gpu"}
    assert found["versions"].keys() >= {"python", "torch", "numpy"}
    said = capsys.readouterr().out
    assert "FAILS cost: 1.2 ≤ 1.15" in said
    assert "not measured peer" in said


def test_quick_results_never_replace_full_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    assert harness.save("some", options("--quick"), "a setting", ROWS, CLAIMS) == tmp_path / "quick/some.json"
    assert harness.save("some", options(), "a setting", ROWS, CLAIMS) == tmp_path / "some.json"


def test_rivals_take_turns() -> None:
    turns: list[str] = []
    seconds = harness.interleaved({"a": lambda: turns.append("a"), "b": lambda: turns.append("b")}, rounds=3, warmup=1)
    assert turns == ["a", "b"] * 4
    assert {name: len(times) for name, times in seconds.items()} == {"a": 3, "b": 3}


def test_a_ratio_compares_neighbours_in_time() -> None:
    assert harness.ratio({"a": [2.0, 20.0, 3.0], "b": [1.0, 10.0, 3.0]}, "a", "b") == 2.0


@pytest.mark.parametrize(
    ("value", "said"), [(None, "–"), (1.2345, "1.23"), (1234.5, "1234"), (0.00123, "0.00123"), ("word", "word"), (3, "3")]
)
def test_cells_show_the_digits_that_count(value: object, said: str) -> None:
    assert harness.text(value) == said


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options("--help")
    said = capsys.readouterr().out
    assert "python -m benchmarks.some --quick" in said
    for option in ("--quick", "--data", "--seeds", "--out"):
        assert option in said

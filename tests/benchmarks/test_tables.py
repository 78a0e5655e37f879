"""Promises of the tables in README.md and docs/."""

import json
import re
from pathlib import Path

import pytest

from benchmarks import tables
from benchmarks.harness import RESULTS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", tables.pages(), ids=lambda page: page.name)
def test_tables_say_what_the_results_say(page: Path) -> None:
    said = page.read_text(encoding="utf-8")
    assert tables.rendered(said) == said, "run python -m benchmarks.tables"


def test_every_committed_result_comes_from_a_benchmark_in_full() -> None:
    for path in (*RESULTS.glob("*.json"), *RESULTS.glob("cuda/*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        assert found["benchmark"] == path.stem
        assert not found["quick"]
        assert (ROOT / f"benchmarks/{path.stem}.py").exists()


def test_a_table_may_show_some_rows_alone() -> None:
    found = tables.rendered("<!-- results: cuda/step_cost tasks=32 -->\nold\n<!-- end -->")
    assert "| 32 |" in found
    assert "| 8 |" not in found


def test_every_benchmark_stands_in_their_readme() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", (ROOT / "benchmarks/README.md").read_text(encoding="utf-8"), re.MULTILINE)
    there = [path.stem for path in (ROOT / "benchmarks").glob("*.py") if "harness.parser(" in path.read_text(encoding="utf-8")]
    assert sorted(listed) == sorted(there)


def test_what_is_not_measured_yet_says_how_it_would_be() -> None:
    assert "`python -m benchmarks.nothing`" in tables.rendered("<!-- results: nothing -->\nold\n<!-- end -->")

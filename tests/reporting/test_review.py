"""The team's review, offline: the page's sections in a report, and one run that stands for the retraining."""

import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import wandb
from synthetic_artifacts import TASKS

from lepton import files
from lepton.ops import champion, records
from lepton.reporting import content, review
from lepton.reporting.sections import SECTIONS

sys.path.insert(0, str(Path(__file__).parents[1] / "tracking"))

import offline

WORDS = (
    "is better than separate models by 3.0",
    "| digit | **1.00** | 0.83 | 0.47 |",
    "+4.4 to +12.3",
    "**0.75 int8 (chosen)**",
    "**Reptile (chosen)**",
    "| digit – objects | +0.71 | +0.54 | +0.71 | +0.71 | +0.39 |",
    "ab" * 16,
    "alpha_snap",
)


@pytest.fixture
def tracked(project: Path, undrawn: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("LEPTON_TRACKING")
    for name, place in {"DIR": "", "CACHE_DIR": "wandb-cache", "DATA_DIR": "wandb-data"}.items():
        monkeypatch.setenv(f"WANDB_{name}", str(project / ".lepton" / place))
    monkeypatch.setenv("WANDB_MODE", "offline")
    yield project
    wandb.teardown()  # else the next test's runs go to this one's folder


def told(root: Path, **options: Any) -> tuple[list[dict[str, Any]], offline.Offline]:
    """The report's blocks, and the run."""
    report = json.loads(Path(review.tell(root, "r1", **options)).read_text())
    (folder,) = (root / ".lepton/wandb").glob("offline-run-*")
    return report["spec"]["blocks"], offline.read(folder)


def test_the_report_has_the_pages_sections_and_the_run_the_outcome(tracked: Path) -> None:
    record = records.path_of("train", tracked)
    files.write_json(record, files.read_json(record) | {"wandb": {"id": "train-1"}})
    blocks, run = told(tracked)
    headings = [block["children"][0]["text"] for block in blocks if block["type"] == "heading"]
    assert headings == [title for name, (title, _) in SECTIONS.items() if name != "examples"] + ["Beside the other retrainings"]
    words = "\n".join(block.get("content", "") for block in blocks)
    for part in WORDS:
        assert part in words, part
    shown = [key for block in blocks if block["type"] == "panel-grid" for key in _keys(block)]
    figures = {key for key in shown if key.startswith("figures/")}
    assert len(figures) == 8
    assert all(any(key.startswith(name) for row in run.history for key in row) for name in figures)
    assert {"loss.digit", "alpha.tilt.2"} <= set(shown)
    assert (run.group, run.job_type, run.exit_code) == ("r1", "retrain", 0)
    assert run.summary["outcome"] == "not decided"
    assert run.summary["delta_m.mean"] == pytest.approx(3.0, abs=0.1)
    assert run.summary["delta_m.low"] < run.summary["delta_m.high"]
    assert run.summary["data"].startswith("abab")
    assert {f"tasks.{task}.compressed" for task in TASKS} <= run.summary.keys()


def _keys(block: dict[str, Any]) -> list[str]:
    panels = block["metadata"]["panelBankSectionConfig"]["panels"]
    return [key for panel in panels for key in panel["config"].get("mediaKeys") or panel["config"].get("metrics") or []]


def test_nothing_of_the_data_is_in_what_is_sent(built: Path) -> None:
    inside = content.gather(built)
    sent = review.outward(inside)
    assert any("says" in entry for entry in inside["validate"]["failed"]), "may hold values and file names"
    assert not any("says" in entry for entry in sent["validate"]["failed"])
    assert inside["examples"]
    assert sent["examples"] is None
    assert len(sent.examples) == 0
    assert "new_classes" not in sent["prepare"]
    assert "#" not in sent.params_text


def test_new_data_is_compared_and_not_named(built: Path) -> None:
    windows = {"window": {"name": "incoming/ward-7", "rows": 60}, "snapshot": {"name": "data/ward-6", "rows": 900}}
    report = {**windows, "at": "2026-01-02 03:04:05", "measures": [], "shapes": [], "drifted": [], "skipped": {}}
    sent = review.outward(replace(content.gather(built), drift=report))
    assert sent.drift is not None
    assert "ward" not in repr(sent.drift)
    assert "60" in repr(sent.drift)


@pytest.mark.parametrize(
    ("decision", "word"),
    [(None, "not decided"), ({"promote": True, "rules": []}, "let through"), ({"promote": False}, "held back")],
)
def test_the_outcome_is_one_word_and_names_what_is_broken(built: Path, decision: dict[str, Any] | None, word: str) -> None:
    rules = [{"name": "digit", "holds": False}, {"name": "mean", "holds": True}]
    full = decision and {"model": "m", "rules": rules, **decision}
    summary = review.outcome(review.replace(content.gather(built), decision=full))
    assert summary["outcome"] == word
    assert summary["reasons"] == (["digit"] if word == "held back" else [])
    crowned = champion.Champion(3, "c", {})
    assert review.outcome(content.gather(built), crowned)["outcome"] == "promoted"


def test_off_is_nothing(tracked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEPTON_TRACKING", "off")
    assert review.tell(tracked, "r1") == ""
    assert not (tracked / ".lepton/reports").exists()


def test_trouble_is_one_warning(tracked: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(sys.modules, "wandb_workspaces.reports.v2", None)
    monkeypatch.delitem(sys.modules, "lepton.tracking.wandb_report", raising=False)
    with caplog.at_level(logging.WARNING, "lepton"):
        assert review.tell(tracked, "r1") == ""
    (said,) = caplog.messages
    assert said.startswith("tracking: wandb_workspaces")
    assert said.endswith("is not installed (pip install 'lepton[review]'); there is no report")

"""The real pipeline, small, in a temporary clone: real data, real stages, real DVC and Prefect."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import small
import yaml

pytestmark = pytest.mark.timeout(420)
STAGES = ["validate", "clean", "prepare", "relate", "train", "baseline", "adapt", "compress", "evaluate"]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The finished project, and what its first run printed."""
    from lepton.starter import vision

    place = tmp_path_factory.mktemp("pipeline")
    vision.build(place / "starter")
    root = small.make(place / "project", place / "starter")
    return root, small.retrain(root)


@pytest.fixture
def project(first: tuple[Path, str], tmp_path: Path) -> Iterator[Path]:
    """A copy of the finished project, to change."""
    root = tmp_path / "project"
    shutil.copytree(first[0], root, symlinks=True)
    yield root
    shutil.rmtree(root)


def read(root: Path, name: str) -> dict:
    return json.loads((root / "artifacts" / name).read_text())


def outputs(root: Path) -> dict[str, str]:
    """Every stage output's hash, as dvc.lock has it."""
    stages = yaml.safe_load((root / "dvc.lock").read_text())["stages"]
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}


def test_a_run_ends_completed_with_every_stage_delta_m_and_a_page(first: tuple[Path, str]) -> None:
    root, said = first
    assert "Completed: Δm" in said
    for stage in STAGES:
        assert stage in said
    page = (root / "report/latest/index.html").read_text()
    assert "Δm" in page
    assert (root / "report/latest/card.md").exists()


def test_every_artifact_holds_the_keys_that_others_read(first: tuple[Path, str]) -> None:
    root, _ = first
    tasks = {"digit", "objects", "ink", "photo", "tilt"}
    assert read(root, "validate/report.json")["ok"] is True
    assert read(root, "clean/report.json").keys() >= {"rows_in", "rows_out", "dropped", "repaired"}
    related = read(root, "relate/relatedness.json")
    assert related["matrices"].keys() == {"cosine", "pearson", "gradient"}
    assert len(related["ranking"]) == 10
    assert sorted(name for group in related["groups"] for name in group) == sorted(tasks)
    assert read(root, "train/sharing.json")["alpha"].keys() == tasks
    for stage in ("train", "baseline"):
        assert read(root, f"{stage}/metrics.json").keys() >= {"tasks", "samples_seen", "parameters", "macs"}
    assert read(root, "train/metrics.json")["samples_seen"] == read(root, "baseline/metrics.json")["samples_seen"]
    adapted = read(root, "adapt/metrics.json")
    assert adapted["new_tasks"]["unseen_digit"].keys() == {"1", "5"}
    frontier = read(root, "compress/frontier.json")
    assert frontier["chosen"] in {candidate["name"] for candidate in frontier["candidates"]}
    assert all(value <= 1e-4 for fields in frontier["parity"].values() for value in fields.values())
    evaluated = read(root, "evaluate/metrics.json")
    assert evaluated["tasks"].keys() == tasks
    assert evaluated["delta_m"]["ci95"][0] <= evaluated["delta_m"]["mean"] <= evaluated["delta_m"]["ci95"][1]


def test_a_second_run_is_unchanged_and_changes_nothing(first: tuple[Path, str]) -> None:
    root, _ = first
    before = outputs(root), subprocess.run(["git", "status", "-s"], cwd=root, capture_output=True, text=True).stdout
    assert "Unchanged" in small.retrain(root)
    assert before == (outputs(root), subprocess.run(["git", "status", "-s"], cwd=root, capture_output=True, text=True).stdout)
    assert "Data and pipelines are up to date" in small.run(root, "dvc", "status")


def test_other_compress_parameters_run_nothing_before_compress(project: Path) -> None:
    small.change(project, compress={"calibration": 32})
    rows = [line.split() for line in small.retrain(project).splitlines()]
    did = {row[0]: row[1] for row in rows if len(row) == 3 and row[0] in STAGES}
    assert did.pop("compress") == "ran"
    assert did.pop("evaluate") in {"ran", "unchanged"}  # unchanged when the chosen model is the same to the byte
    assert set(did.values()) == {"unchanged"}

"""Backfills of a toy project: one row for each version of the data, whatever became of it; nothing is published unless asked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import toy
from flows import backfill as module
from lepton import files
from lepton.config import Params
from lepton.ops import backfill, champion, dvc, refs

pytestmark = [pytest.mark.usefixtures("prefect_server"), pytest.mark.usefixtures("run")]


@pytest.fixture(autouse=True)
def _toy_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy's models have no answers to compare: their text stands in for them."""

    def compare(places: Sequence[Path], params: Params) -> list[dict[str, Any]]:
        told = [(place / "artifacts/first/out.txt").read_text() for place in places]
        delta = {"mean": 1.0, "ci95": [0.0, 2.0]}
        return [{"rows": 1, "delta_m": delta, "bytes": len(one), "own": {"digit": 0.5}, "newest": {}, "told": one} for one in told]

    monkeypatch.setattr(backfill, "compare", compare)


def version(root: Path, rows: str) -> None:
    (root / "data/toy/samples.txt").write_text(rows)
    dvc.add(root, Path("data"))
    toy.commit(root)


def table(root: Path) -> list[dict[str, Any]]:
    return list(files.read_json(max((root / ".lepton/backfill").glob("*.json")))["versions"])


def test_each_version_is_trained_on_once_and_compared_and_nothing_is_published(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    version(project, "more rows")
    state = module.backfill(return_state=True)
    assert state.name == "Completed", state.message
    assert [row["told"].split(" {")[0] for row in table(project)] == ["rows", "more rows"]
    assert "own test split / newest test split" in capsys.readouterr().out
    assert refs.branches(project, "") == refs.branches(project, toy.run(project, "git", "branch", "--show-current").strip())
    assert champion.history(project) == []
    assert not (project / "artifacts").exists(), "the working tree is left alone"
    places = [place for place in (project / ".lepton/backfill").iterdir() if place.is_dir()]
    assert [toy.ran(place) for place in places] == [["first", "side", "last"]] * 2
    assert module.backfill(return_state=True).name == "Completed"
    assert [toy.ran(place) for place in places] == [[], []], "what was finished is not repeated"


def test_a_version_that_is_refused_has_a_row_that_says_so(project: Path) -> None:
    toy.set_param(project, "clean: {epochs: 1}", "clean: {epochs: 7}")
    toy.commit(project)
    state = module.backfill(return_state=True)
    assert (state.name, state.message.startswith("0 of 1 versions")) == ("Failed", True)
    assert table(project)[0]["ended"] == "Refused: first: half of the images cannot be read"


def test_published_versions_stand_on_branches_of_their_own(project: Path) -> None:
    version(project, "more rows")
    assert module.backfill(last=1, publish=True, return_state=True).name == "Completed"
    assert len(refs.branches(project, "backfill/")) == 1
    assert refs.branches(project, "retrain/") == []

"""A toy project as flows run it: without a page to speak of, with a gate that a test decides, committed, and with a remote."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.states import State

import toy
from flows import places, steps
from flows import retrain as module
from lepton.evaluation.gate import Decision, Rule
from lepton.ops import champion, dvc
from lepton.ops.lineage import hashes
from lepton.reporting import page

Run = Callable[..., State[Any]]


@pytest.fixture
def plain_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is only a file: the toy has nothing to show."""

    def render(root: Path, *_: Any) -> Path:
        shown = root / "report/latest/index.html"
        shown.parent.mkdir(parents=True, exist_ok=True)
        shown.write_text("page")
        return shown

    monkeypatch.setattr(page, "render", render)


MODEL, METRICS = "artifacts/first/out.txt", "artifacts/last/metrics.json"


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> list[Rule]:
    """The rules of the toy's gate, for a test to change: its models have no answers to compare."""
    rules = [Rule("mean", True, "mean: fine")]

    def decide(of: places.Project) -> Decision:
        reigning = champion.current(of.root)
        return Decision(hashes(of.root)[MODEL], reigning.tag if reigning else None, rules)

    monkeypatch.setattr(steps, "gate", decide)
    monkeypatch.setattr(champion, "MODEL", MODEL)
    monkeypatch.setattr(champion, "METRICS", METRICS)
    return rules


@pytest.fixture
def run(project: Path, plain_page: None, gate: list[Rule]) -> Run:
    """The flow on a committed project with a remote."""
    dvc.add(project, Path("data"))
    remote = ("dvc", "remote", "add", "--quiet", "--default", "storage", str(project.parent / "remote"))
    toy.run(project, sys.executable, "-m", *remote)
    toy.commit(project)
    return lambda **options: module.retrain("params.yaml", return_state=True, **options)

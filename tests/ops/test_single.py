"""One stage, alone or with those before it, without a flow."""

from pathlib import Path

import pytest

from lepton import config
from lepton.errors import LeptonError, Refusal
from lepton.ops import bring, dvc, single
from lepton.ops.repository import Busy


@pytest.fixture
def done(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What DVC is asked for, of a project whose prepare, relate and train have something to do."""
    (project / "dvc.yaml").write_text("stages: {}\n")
    params = project / "params.yaml"
    params.write_text(f"{params.read_text()}\nlimits: {{minutes: 9, stages: {{relate: 0.5}}}}\n")
    asked: list[tuple] = []
    todo = ["prepare", "relate", "train"]
    monkeypatch.setattr(bring, "data", lambda root, path: None)
    monkeypatch.setattr(dvc, "plan", lambda root: dvc.Plan(["clean", *todo], todo, []))
    monkeypatch.setattr(dvc, "reproduce", lambda root, stage, minutes: asked.append((stage, minutes)) or "ran")
    monkeypatch.setattr(dvc, "restore", lambda root, stage: asked.append(("restored", stage)))
    return asked


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """From now on the stage relate fails."""
    before = dvc.reproduce

    def reproduce(root: Path, stage: str, minutes: float) -> str:
        how = before(root, stage, minutes)
        if stage == "relate":
            raise error
        return how

    monkeypatch.setattr(dvc, "reproduce", reproduce)


def up_to_relate(project: Path) -> Path:
    return single.up_to("relate", project, None, config.load(project / "params.yaml"))


def test_what_has_changed_is_done_within_its_limits_and_nothing_after_it(
    project: Path, done: list[tuple], capsys: pytest.CaptureFixture[str]
) -> None:
    assert up_to_relate(project) == project
    assert done == [("prepare", 9), ("relate", 0.5)]
    assert capsys.readouterr().out.splitlines() == ["prepare …", "prepare: ran", "relate …", "relate: ran"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (dvc.TookTooLong("took long"), LeptonError),
        (dvc.StageFailed("relate", 1), LeptonError),
        (dvc.StageFailed("relate", 3), Refusal),
    ],
)
def test_a_failure_names_the_stage_and_puts_back_what_it_had(
    project: Path, done: list[tuple], monkeypatch: pytest.MonkeyPatch, error: LeptonError, kind: type[LeptonError]
) -> None:
    failing(monkeypatch, error)
    with pytest.raises(LeptonError, match=f"relate: {error}") as said:
        up_to_relate(project)
    assert type(said.value) is kind
    assert done[1:] == [("relate", 0.5), ("restored", "relate")]


def test_what_another_run_is_making_is_left_to_it(project: Path, done: list[tuple], monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, Busy("another run holds it"))
    with pytest.raises(Busy):
        up_to_relate(project)
    assert done[1:] == [("relate", 0.5)]


def test_a_stage_that_is_not_there_is_told_before_anything_runs(project: Path, done: list[tuple]) -> None:
    with pytest.raises(LeptonError, match=r"dvc.yaml: there is no stage evaluate"):
        single.up_to("evaluate", project, None, config.load(project / "params.yaml"))
    assert not done

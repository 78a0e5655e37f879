"""How a stage ends: exit codes, one line, the record, the refusal, the tracker."""

import pytest

import toy
from lepton.errors import LeptonError, Refusal
from lepton.ops import records
from lepton.stages import runner
from lepton.tracking.tracker import NoTracker


class Noting(NoTracker):
    def __init__(self):
        self.ended = []

    def finish(self, ok):
        self.ended.append(ok)
        return {"id": "abc"}


@pytest.fixture
def tracker(project, monkeypatch):
    noting = Noting()
    monkeypatch.setattr(runner, "start", lambda name, params: noting)
    monkeypatch.setattr(runner.logging, "disable", lambda: None)
    return noting


def end(capsys, error):
    def work(stage):
        raise error

    with pytest.raises(SystemExit) as ended:
        runner.main("first", work)
    return ended.value.code, capsys.readouterr().err


def test_success_writes_the_record(tracker):
    def work(stage):
        stage.record["rows"] = 3
        assert stage.out.as_posix() == "artifacts/first"
        assert stage.scratch("checkpoints").is_dir()

    runner.main("first", work)
    record = records.read("first")
    assert record["rows"] == 3
    assert record["seconds"] > 0
    assert record["wandb"] == {"id": "abc"}
    assert tracker.ended == [True]


def test_mistake_is_one_line_and_leaves_no_record(tracker, capsys):
    assert end(capsys, LeptonError("params.yaml: no such thing.")) == (2, "error: params.yaml: no such thing.\n")
    assert records.read("first") == {}
    assert tracker.ended == [False]


@pytest.mark.parametrize(("kind", "code", "word"), [(Refusal, 3, "refused"), (LeptonError, 2, "error")])
def test_why_a_stage_ended_is_told_and_forgotten_by_the_next_stage(tracker, capsys, kind, code, word):
    assert end(capsys, kind("half is unreadable.")) == (code, f"{word}: half is unreadable.\n")
    assert (records.reason("first"), records.reason("second")) == ("half is unreadable.", None)
    runner.main("first", lambda stage: None)
    assert records.reason("first") is None


def test_bug_keeps_its_traceback(tracker):
    def work(stage):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        runner.main("first", work)
    assert tracker.ended == [False]


def test_misspelt_key_ends_before_work(project, capsys):
    toy.set_param(project, "train:", "trian:")
    with pytest.raises(SystemExit, match="2"):
        runner.main("first", lambda stage: pytest.fail("must not run"))
    assert capsys.readouterr().err == "error: params.yaml: unknown key 'trian'. Did you mean train?\n"

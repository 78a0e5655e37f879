"""How a stage ends: exit codes, one line, the record, its last words, the tracker."""

import os
from pathlib import Path

import pytest

import toy
from lepton import environment
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
def test_why_a_stage_ended_is_left_for_its_run_alone(tracker, capsys, monkeypatch, kind, code, word):
    monkeypatch.setenv(environment.OWNER, str(os.getpid()))
    assert end(capsys, kind("half is unreadable.")) == (code, f"{word}: half is unreadable.\n")
    assert (records.reason("first"), records.reason("second")) == ("half is unreadable.", None)
    monkeypatch.setenv(environment.OWNER, "1")
    end(capsys, kind("another's."))
    assert records.reason("first") is None


def test_a_stage_that_can_write_nothing_still_says_why(tracker, capsys, monkeypatch):
    monkeypatch.setattr(records, "last_words", lambda: Path("/dev/null/nowhere.json"))
    assert end(capsys, Refusal("half is unreadable.")) == (3, "refused: half is unreadable.\n")


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

"""A person's word before promotion, given through Prefect's own API as its UI gives it, while the flow waits."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateName
from prefect.states import State

from flows import approval
from lepton.ops import champion, notices

pytestmark = pytest.mark.usefixtures("prefect_server")
Run = Callable[..., State[Any]]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approval, "POLL", 1)


def say(**given: Any) -> Thread:
    """Resumes the next run that is paused, as a person does in the UI."""

    def wait() -> None:
        paused = FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Paused"])))
        with get_client(sync_client=True) as client:
            until = time.monotonic() + 60
            while not (found := client.read_flow_runs(flow_run_filter=paused)) and time.monotonic() < until:
                time.sleep(0.3)
            client.resume_flow_run(found[0].id, run_input=given)

    thread = Thread(target=wait)
    thread.start()
    return thread


def test_approved_is_promoted_and_says_by_whose_word(project: Path, run: Run) -> None:
    person = say(approve=True, comment="looks right")
    state = run(promote=True, approval=1.0)
    person.join()
    assert state.name == "Promoted", state.message
    assert champion.find(project).told["how"] == "gate, approved by a person: looks right"
    assert '"Approval"' in notices.path_of(project).read_text()


def test_denied_is_published_and_not_promoted_and_not_asked_again(project: Path, run: Run) -> None:
    person = say(approve=False, comment="too early")
    state = run(promote=True, approval=1.0)
    person.join()
    assert state.name == "Completed"
    assert "gate, denied by a person: too early" in state.message
    assert "published on retrain/" in state.message
    assert champion.history(project) == []
    again = run(promote=True, approval=1.0)
    assert again.name == "Unchanged"
    assert "denied by a person: too early" in again.message


def test_without_an_answer_the_next_run_asks_again(project: Path, run: Run) -> None:
    state = run(promote=True, approval=1 / 3600)
    assert state.name == "Completed"
    assert "nobody approved of it within" in state.message
    assert champion.history(project) == []
    person = say(approve=True)
    assert run(promote=True, approval=1.0).name == "Promoted"
    person.join()

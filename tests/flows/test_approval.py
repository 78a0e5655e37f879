"""A person's word before promotion, given through Prefect's own API as its UI gives it, while the flow waits."""

import time
from collections.abc import Callable, Iterator
from contextvars import copy_context
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateName
from prefect.states import State

from flows import approval, notify
from lepton.config import Params
from lepton.ops import champion, notices

pytestmark = pytest.mark.usefixtures("prefect_server")
Run = Callable[..., State[Any]]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approval, "POLL", 1)


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Says what a person will answer, once told that somebody is asked: the run is resumed, as in the UI."""
    told, threads = notify.tell, list[Thread]()

    def answers(**given: Any) -> None:
        def hears(params: Params | None, state: str, message: str, **options: bool) -> None:
            told(params, state, message, **options)
            if state == "Approval":
                threads.append(Thread(target=copy_context().run, args=(resume, given)))
                threads[-1].start()

        monkeypatch.setattr(notify, "tell", hears)

    yield answers
    for thread in threads:
        thread.join()


def resume(given: dict[str, Any]) -> None:
    paused = FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Paused"])))
    with get_client(sync_client=True) as client:
        until = time.monotonic() + 60
        while not (found := client.read_flow_runs(flow_run_filter=paused)) and time.monotonic() < until:
            time.sleep(0.3)
        client.resume_flow_run(found[0].id, run_input=given)


def test_approved_is_promoted_and_says_by_whose_word(project: Path, run: Run, person: Callable[..., None]) -> None:
    person(approve=True, comment="looks right")
    state = run(promote=True, approval=1.0)
    assert state.name == "Promoted", state.message
    assert champion.find(project).told["how"] == "gate, approved by a person: looks right"
    assert '"Approval"' in notices.path_of(project).read_text()


def test_denied_is_published_and_not_promoted_and_not_asked_again(project: Path, run: Run, person: Callable[..., None]) -> None:
    person(approve=False, comment="too early")
    state = run(promote=True, approval=1.0)
    assert state.name == "Completed"
    assert "gate, denied by a person: too early" in state.message
    assert "published on retrain/" in state.message
    assert champion.history(project) == []
    again = run(promote=True, approval=1.0)
    assert again.name == "Unchanged"
    assert "denied by a person: too early" in again.message


def test_without_an_answer_the_next_run_asks_again(project: Path, run: Run, person: Callable[..., None]) -> None:
    state = run(promote=True, approval=1 / 3600)
    assert state.name == "Completed"
    assert "nobody approved of it within" in state.message
    assert champion.history(project) == []
    person(approve=True)
    assert run(promote=True, approval=1.0).name == "Promoted"

"""A person's word before a model that the gate lets through takes the champion's place: the flow pauses until it is given.

In Prefect's UI: the paused run, Resume, `approve` and a comment. What was answered is kept, so that no model is asked about twice
beside the same champion; no answer in time is no answer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run

from flows import notify
from flows.places import Project
from lepton import files
from lepton.environment import home
from lepton.evaluation.gate import Decision

POLL = 10  # seconds
GRACE = 600  # seconds after which Prefect gives up, should this process not have done so
LATE = "nobody answered in time"


class Approval(RunInput):
    """What the person is asked for."""

    approve: bool = False
    comment: str = ""


def path_of(root: Path, decision: Decision) -> Path:
    return home(root) / "approvals" / f"{decision.model}-{(decision.champion or 'first').replace('/', '-')}.json"


@contextmanager
def _closing(seconds: int) -> Iterator[None]:
    """Resumes the run itself when the time is over: Prefect would end it as failed, and lets it end in no other way then."""
    run = flow_run.get_id()

    def late() -> None:
        with get_client(sync_client=True) as client:
            client.resume_flow_run(UUID(run), run_input={"approve": False, "comment": LATE})

    timer = Timer(seconds, copy_context().run, (late,))  # with the server's address
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def answer(of: Project, decision: Decision, hours: float, told: str) -> dict[str, Any] | None:
    """{approve, comment, at}, given before or now; None where nobody answers within `hours`. told: what is asked about."""
    path = path_of(of.root, decision)
    if path.exists():
        return dict(files.read_json(path))
    notify.tell(of.params, "Approval", f"within {hours:g} hours, of a model: {told}")
    seconds = round(3600 * hours)
    with _closing(seconds):
        said = pause_flow_run(Approval.with_initial_data(description=told), timeout=seconds + GRACE, poll_interval=POLL)
    if said.comment == LATE:
        return None
    given = {"approve": said.approve, "comment": said.comment, "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"}
    files.write_json(path, given)
    return given

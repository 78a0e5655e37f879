"""Runs whose process is gone. Prefect calls them Running until it is told, and one of them may hold a deployment's only place.

`make serve` tells it of those of this machine when it starts. What is lost while it runs, here or on another machine, is told by
its heartbeat, which stays away.
"""

from datetime import timedelta

import psutil
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.states import Crashed

SILENCE = timedelta(minutes=10)  # Prefect took living runs for dead ones at less than nine
LOST = "Its process is gone. The next run goes on from what was finished."
UNDER_WAY = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


def close() -> list[str]:
    """Ends, as Crashed, the runs of deployments whose process does not live on this machine; returns their names.

    Those by hand hold up nobody, and their processes are not known to Prefect.
    """
    with get_client(sync_client=True) as client:
        under_way = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNDER_WAY)))
        deployed = {found.id for found in client.read_deployments()}
        lost = [run for run in client.read_flow_runs(flow_run_filter=under_way) if run.deployment_id in deployed and _is_lost(run)]
        for run in lost:
            client.set_flow_run_state(run.id, Crashed(message=LOST), force=True)
        return [run.name for run in lost]


def _is_lost(run: FlowRun) -> bool:
    """Without the number of a process it was about to be started, by a worker that is gone as well."""
    number = (run.infrastructure_pid or "").rsplit(":", 1)[-1]
    return not (number.isdigit() and psutil.pid_exists(int(number)))


def watch() -> None:
    """Lets the server end runs, as Crashed, whose heartbeat has stayed away for a while; one rule, however often it is asked."""
    silent = EventTrigger(
        after={"prefect.flow-run.heartbeat"},
        expect={"prefect.flow-run.*"},  # the next one, or the end, whatever its name
        match={"prefect.resource.id": "prefect.flow-run.*"},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=SILENCE,
    )
    rule = AutomationCore(name="zombies", trigger=silent, actions=[ChangeFlowRunState(state=StateType.CRASHED, message=LOST)])
    with get_client(sync_client=True) as client:
        known = client.read_automations_by_name(rule.name)
        if known:
            client.update_automation(known[0].id, rule)
        else:
            client.create_automation(rule)

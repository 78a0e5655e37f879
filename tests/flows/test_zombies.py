"""Runs whose process is gone are told to Prefect, and hold nobody up."""

import os
from collections.abc import Iterator
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Pending, Running

from flows import zombies

pytestmark = pytest.mark.usefixtures("prefect_server")
NOBODY = "4194999"  # more than a process can have as its number


@flow
def nothing() -> None:
    pass


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as made:
        yield made


@pytest.fixture
def deployment(client: SyncPrefectClient) -> Iterator[UUID]:
    """One that lets one run at a time."""
    made = client.create_deployment(flow_id=client.create_flow(nothing), name="one at a time", concurrency_limit=1)
    yield made
    client.delete_deployment(made)


def running(client: SyncPrefectClient, deployment: UUID, pid: str) -> FlowRun:
    run = client.create_flow_run_from_deployment(deployment)
    client.set_flow_run_state(run.id, Pending())
    client.update_flow_run(run.id, infrastructure_pid=pid)
    client.set_flow_run_state(run.id, Running())
    return run


def state(client: SyncPrefectClient, run: FlowRun) -> str:
    return client.read_flow_run(run.id).state.name


def test_a_run_whose_process_is_gone_is_crashed_and_the_next_one_gets_its_place(
    client: SyncPrefectClient, deployment: UUID
) -> None:
    lost = running(client, deployment, NOBODY)
    after = client.create_flow_run_from_deployment(deployment)
    client.set_flow_run_state(after.id, Pending())
    assert (state(client, lost), state(client, after)) == ("Running", "AwaitingConcurrencySlot")
    assert zombies.close() == [lost.name]
    assert state(client, lost) == "Crashed"
    client.set_flow_run_state(after.id, Pending())
    assert state(client, after) == "Pending"


def test_what_lives_or_was_begun_by_hand_is_left_alone(client: SyncPrefectClient, deployment: UUID) -> None:
    living = running(client, deployment, str(os.getpid()))
    by_hand = client.create_flow_run(nothing, state=Running())
    assert zombies.close() == []
    assert [state(client, run) for run in (living, by_hand)] == ["Running", "Running"]


def test_the_rule_for_what_has_no_heartbeat_is_made_once(client: SyncPrefectClient) -> None:
    zombies.watch()
    zombies.watch()
    (rule,) = client.read_automations_by_name("zombies")
    assert rule.trigger.within == zombies.SILENCE
    assert rule.trigger.within.total_seconds() >= 540
    assert "prefect.flow-run.*" in rule.trigger.expect, "a run that ended as Promoted has ended"

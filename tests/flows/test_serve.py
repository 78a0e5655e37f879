"""What `make serve` deploys exists, and what it starts also ends."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint

from flows import serve

ROOT = Path(__file__).parents[2]
DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal as s, time; s.signal(s.SIGTERM, s.SIG_IGN); time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_a_deployment_names_a_flow_and_its_parameters(deployment, monkeypatch):
    monkeypatch.chdir(ROOT)
    flow = load_flow_from_entrypoint(deployment["entrypoint"])
    assert set(deployment["parameters"]) <= set(flow.parameters.properties)
    assert deployment["work_pool"]["name"] == serve.POOL
    assert deployment["concurrency_limit"]["limit"] == 1
    assert all(schedule["timezone"] == "UTC" for schedule in deployment["schedules"])


def test_a_group_that_ignores_being_asked_ends_too(monkeypatch):
    monkeypatch.setattr(serve, "GRACE", 0.5)
    process = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout
    child = int(process.stdout.readline())
    serve.end(process)
    process.stdout.close()
    assert process.returncode
    status = Path(f"/proc/{child}/stat")
    for _ in range(20):
        if not status.exists() or status.read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("the child of the group is still there")

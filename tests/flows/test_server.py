"""Where a flow finds its server."""

import os
import subprocess
import sys
import time

import psutil
import pytest
from prefect.settings import PREFECT_API_URL

from flows import server
from lepton.environment import home


def test_the_announced_server_is_used_while_it_answers(project, monkeypatch):
    (home() / "prefect").mkdir()
    monkeypatch.setattr(server, "healthy", lambda url: True)
    monkeypatch.setattr(PREFECT_API_URL, "value", lambda: None)
    with server.announced("http://127.0.0.1:1/api"):
        assert server._found() == "http://127.0.0.1:1/api"
        monkeypatch.setattr(server, "healthy", lambda url: False)
        assert server._found() is None
    monkeypatch.setattr(server, "healthy", lambda url: True)
    assert server._found() is None


def test_ports():
    assert server.is_free(server.free_port())


@pytest.mark.usefixtures("prefect_server")
def test_within_a_session_the_server_is_found():
    assert server.healthy(str(PREFECT_API_URL.value()))


def test_what_is_attached_ends_with_a_parent_that_is_killed(tmp_path):
    (tmp_path / "sleeps.py").write_text("import time; time.sleep(60)")
    code = "import time; from flows import server; print(server.attached('sleeps').pid, flush=True); time.sleep(60)"
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    with subprocess.Popen([sys.executable, "-c", code], env=variables, stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
    until = time.monotonic() + 20
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until, "it lives on"
        time.sleep(0.1)

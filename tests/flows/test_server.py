"""Where a flow finds its server."""

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

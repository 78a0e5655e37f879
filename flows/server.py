"""A Prefect server for the length of one command, on the project's own database, where there is none already.

Prefect would start the same one by itself, but only after importing its server into this process too, and only when the
flow is called: started here, it comes up while everything else is imported, which makes a short run several seconds shorter.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from prefect.settings import PREFECT_API_URL, temporary_settings

from lepton import environment, files
from lepton.errors import LeptonError

PATIENCE = 120  # seconds
COMMAND = ["uvicorn", "--factory", "prefect.server.api.server:create_app", "--log-level", "critical", "--lifespan", "on"]
AS_PREFECT_DOES = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}


def _serving() -> Path:
    return environment.home() / "prefect" / "serving"


@contextmanager
def announced(url: str) -> Iterator[None]:
    """Lets commands on this machine find the server that `make serve` runs."""
    files.write_text(_serving(), url)
    try:
        yield
    finally:
        _serving().unlink(missing_ok=True)


def _found() -> str | None:
    """The server that is named by the environment, or announced and alive."""
    if named := PREFECT_API_URL.value():
        return str(named)
    told = _serving().read_text(encoding="utf-8") if _serving().exists() else ""
    return told if told and healthy(told) else None


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Returns when the server answers; a LeptonError when it ends before, or takes too long."""
    until = time.monotonic() + PATIENCE
    while not healthy(url):
        if process.poll() is not None or time.monotonic() > until:
            raise LeptonError("prefect: its server did not start. Is the disk full, or PREFECT_HOME not writable?")
        time.sleep(0.1)


@contextmanager
def temporary() -> Iterator[Callable[[], None]]:
    """Starts the server, and gives a function that returns when it is ready; the server ends with the block."""
    if found := _found():
        with temporary_settings({PREFECT_API_URL: found}):
            yield lambda: None
        return
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", *COMMAND, "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, **AS_PREFECT_DOES}, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        with temporary_settings({PREFECT_API_URL: url}):
            yield lambda: wait(url, process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
